//! What an organisation is told: its own feed of notices, read forward by a cursor. No notice names a
//! child; one of a case goes only to systems that may feed cases of its kind.

mod cursor;
mod http;

pub use http::{__path_list_notifications, NotificationsAnswer, list_notifications};
