//! The command line: one file per subcommand.

pub mod init;
pub mod operator;
pub mod policy;
