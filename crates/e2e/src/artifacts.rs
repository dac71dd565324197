//! A test's logs, and the files that a failed test keeps for debugging.

use crate::page::Page;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use test_support::canary;

/// Returns the folder for screenshots that every run takes for review.
pub fn screenshots() -> Result<PathBuf> {
    let folder = build_folder()?.join("e2e/screenshots");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Returns Cargo's target folder: the running test is in `target/<profile>/deps`.
fn build_folder() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    Ok(test.ancestors().nth(3).context("a test outside of cargo's target folder")?.to_path_buf())
}

pub(crate) struct Artifacts {
    folder: PathBuf,
}

impl Artifacts {
    pub fn new(test: &str) -> Result<Self> {
        let folder = build_folder()?.join("e2e").join(test);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Saves the state of the page when the test failed. A browser that has stopped responding must not hide
    /// the failure itself, so errors are ignored.
    pub async fn save(&self, page: &Page, console: &[String]) {
        let _ = page.driver.screenshot(&self.folder.join("page.png")).await;
        if let Ok(source) = page.driver.source().await {
            let _ = fs::write(self.folder.join("page.html"), source);
        }
        let _ = fs::write(self.folder.join("console.txt"), console.join("\n"));
    }

    pub fn discard(self) {
        if let (Some(left), Some(test)) = (canary::left(), self.folder.file_name()) {
            let _ = fs::rename(&self.folder, left.join(test));
        }
        let _ = fs::remove_dir_all(self.folder);
    }
}
