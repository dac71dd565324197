//! Where a test's logs go, and what a failed test leaves behind to find out why.

use crate::page::Page;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Pictures of the pages as they are, made by every run, for people to look at.
pub fn pictures() -> Result<PathBuf> {
    let folder = build_folder()?.join("e2e/pictures");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Cargo's target folder: the running test lies in `target/<profile>/deps`.
pub(crate) fn build_folder() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    Ok(test.ancestors().nth(3).context("a test outside of cargo's target folder")?.to_path_buf())
}

/// Where what the tests leave behind is kept, also of those that go well; `None` unless `scripts/canaries` runs them.
pub(crate) fn canaries() -> Option<PathBuf> {
    std::env::var_os("CANARIES").map(|place| PathBuf::from(place).join("left"))
}

pub(crate) struct Evidence {
    folder: PathBuf,
}

impl Evidence {
    pub fn new(test: &str) -> Result<Self> {
        let folder = build_folder()?.join("e2e").join(test);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the page looked like when the test failed. A browser that does not answer any more must
    /// not hide the failure itself, so whatever cannot be had is left out.
    pub async fn take(&self, page: &Page, console: &[String]) {
        let _ = page.driver.screenshot(&self.folder.join("page.png")).await;
        if let Ok(source) = page.driver.source().await {
            let _ = fs::write(self.folder.join("page.html"), source);
        }
        let _ = fs::write(self.folder.join("console.txt"), console.join("\n"));
    }

    pub fn forget(self) {
        if let (Some(left), Some(test)) = (canaries(), self.folder.file_name()) {
            let _ = fs::rename(&self.folder, left.join(test));
        }
        let _ = fs::remove_dir_all(self.folder);
    }
}
