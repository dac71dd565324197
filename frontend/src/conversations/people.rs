//! The people at CometChat, fetched page by page: all by name, and those that a search finds.

use std::collections::BTreeSet;

/// The people found for one query. The empty query finds all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeopleSearch {
    /// The people found so far, by uid. CometChat also finds by other fields than the name.
    pub uids: BTreeSet<String>,
    /// The number of pages that were fetched.
    pub pages: u32,
    pub next: NextPage,
}

/// The page after the last one that was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NextPage {
    #[default]
    NotRequested,
    Loading,
    Failed,
    /// The last page is here.
    None,
}

impl PeopleSearch {
    /// Adds a page; pages count from 0. The first is fetched again after each reconnect.
    pub fn add(&mut self, page: u32, uids: impl IntoIterator<Item = String>, is_last: bool) {
        self.uids.extend(uids);
        if page + 1 >= self.pages {
            self.pages = page + 1;
            self.next = if is_last { NextPage::None } else { NextPage::NotRequested };
        } else if self.next == NextPage::Failed {
            self.next = NextPage::NotRequested;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_page_fetched_again_keeps_the_later_pages() {
        let mut search = PeopleSearch::default();
        search.add(0, ["ada".to_owned()], false);
        search.add(1, ["bob".to_owned()], true);
        let complete = search.clone();
        search.add(0, ["ada".to_owned()], false);
        assert_eq!(search, complete);
        assert_eq!((search.pages, search.next, search.uids.len()), (2, NextPage::None, 2));
    }

    #[test]
    fn reconnect_allows_a_failed_page_again() {
        let mut search = PeopleSearch::default();
        search.add(0, [], false);
        search.add(1, [], false);
        search.next = NextPage::Failed;
        search.add(0, [], false);
        assert_eq!((search.pages, search.next), (2, NextPage::NotRequested));
    }
}
