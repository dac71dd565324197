//! Rebuilds a release when the built frontend changes, because the release embeds it. Debug builds read its files at
//! startup.

#[allow(clippy::disallowed_methods)] // cargo passes the profile in the environment
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo:rerun-if-changed=../../frontend/dist");
    }
}
