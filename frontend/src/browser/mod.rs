//! The browser's own functions. Each returns nothing or does nothing where the browser refuses (storage
//! can be switched off): the page works without them.

pub mod dom;
pub mod navigation;
pub mod storage;
pub mod timer;
