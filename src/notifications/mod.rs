//! What an organisation is told: its own feed of notices, read forward by a cursor. No notice says anything about a child.

mod cursor;
mod http;

pub use http::{__path_list_notifications, NotificationsAnswer, list_notifications};
