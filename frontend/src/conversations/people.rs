//! The people at CometChat, fetched page by page: all by name, and those that a search finds.

use std::collections::BTreeSet;

/// The people found for one query, page by page. The empty query finds all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeoplePages {
    /// The people found so far, by uid. CometChat also finds by other fields than the name.
    pub uids: BTreeSet<String>,
    /// The number of pages that were fetched.
    pub count: u32,
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

impl PeoplePages {
    /// Adds a page; pages count from 0. The first is fetched again after each reconnect.
    pub fn add(&mut self, page: u32, uids: impl IntoIterator<Item = String>, is_last: bool) {
        self.uids.extend(uids);
        let is_last_fetched = page + 1 == self.count && self.next != NextPage::Loading;
        if is_last_fetched || page + 1 > self.count {
            self.count = page + 1;
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
        let mut pages = PeoplePages::default();
        pages.add(0, ["ada".to_owned()], false);
        pages.add(1, ["bob".to_owned()], true);
        let complete = pages.clone();
        pages.add(0, ["ada".to_owned()], false);
        assert_eq!(pages, complete);
        assert_eq!((pages.count, pages.next, pages.uids.len()), (2, NextPage::None, 2));
    }

    #[test]
    fn first_page_fetched_again_keeps_the_next_one_loading() {
        let mut pages = PeoplePages::default();
        pages.add(0, [], false);
        pages.next = NextPage::Loading;
        pages.add(0, [], false);
        assert_eq!((pages.count, pages.next), (1, NextPage::Loading));
    }

    #[test]
    fn reconnect_allows_a_failed_page_again() {
        let mut pages = PeoplePages::default();
        pages.add(0, [], false);
        pages.add(1, [], false);
        pages.next = NextPage::Failed;
        pages.add(0, [], false);
        assert_eq!((pages.count, pages.next), (2, NextPage::NotRequested));
    }
}
