//! Extractors: what handlers take as arguments.

pub mod admission;
pub mod json_object;
