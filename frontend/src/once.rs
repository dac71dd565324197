//! Something that is fetched once: callers at the same time share one try, and a try that failed is made
//! anew by the next caller.

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared};
use std::cell::RefCell;

type Try<T, E> = Shared<LocalBoxFuture<'static, Result<T, E>>>;

pub struct Once<T: Clone, E: Clone>(RefCell<Option<Try<T, E>>>);

impl<T: Clone + 'static, E: Clone + 'static> Once<T, E> {
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// What was fetched, or what `fetch` brings now.
    pub async fn get<F>(&self, fetch: impl FnOnce() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>> + 'static,
    {
        let attempt = self.0.borrow_mut().get_or_insert_with(|| fetch().boxed_local().shared()).clone();
        let result = attempt.clone().await;
        if result.is_err() {
            self.0.borrow_mut().take_if(|failed| failed.ptr_eq(&attempt));
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::Once;
    use futures_util::FutureExt;
    use std::cell::Cell;

    #[test]
    fn a_success_is_kept_and_a_failure_is_tried_again() {
        let (once, tries) = (Once::<u32, ()>::new(), Cell::new(0));
        let get = |result| {
            let fetch = || {
                tries.set(tries.get() + 1);
                std::future::ready(result)
            };
            once.get(fetch).now_or_never()
        };
        assert_eq!(get(Err(())), Some(Err(())));
        assert_eq!(get(Ok(1)), Some(Ok(1)));
        assert_eq!(get(Ok(2)), Some(Ok(1)));
        assert_eq!(tries.get(), 2);
    }
}
