//! A release carries the built page inside it, so it must be built again when the page was. Other
//! builds read the page from its folder when they start.

#[allow(clippy::disallowed_methods)] // cargo speaks to build scripts through the environment
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo:rerun-if-changed=../../frontend/dist");
    }
}
