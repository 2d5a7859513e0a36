//! Takes a file apart into rows of cells, in either format; what the cells mean is not known here.

mod csv_file;
mod json_lines;

pub(super) use csv_file::read as read_csv;
pub(super) use json_lines::read as read_ndjson;
