//! A value that is fetched once: concurrent callers share one attempt, and the next caller retries a
//! failed one.

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared};
use std::cell::RefCell;

type Attempt<T, E> = Shared<LocalBoxFuture<'static, Result<T, E>>>;

pub struct SharedFetch<T: Clone, E: Clone>(RefCell<Option<Attempt<T, E>>>);

impl<T: Clone + 'static, E: Clone + 'static> SharedFetch<T, E> {
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// Returns the fetched value, or awaits `fetch` if there is none and no attempt under way.
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
    use super::SharedFetch;
    use futures_util::FutureExt;
    use std::cell::Cell;

    #[test]
    fn success_is_kept_and_failure_is_retried() {
        let (value, attempts) = (SharedFetch::<u32, ()>::new(), Cell::new(0));
        let get = |result| {
            let fetch = || {
                attempts.set(attempts.get() + 1);
                std::future::ready(result)
            };
            value.get(fetch).now_or_never()
        };
        assert_eq!(get(Err(())), Some(Err(())));
        assert_eq!(get(Ok(1)), Some(Ok(1)));
        assert_eq!(get(Ok(2)), Some(Ok(1)));
        assert_eq!(attempts.get(), 2);
    }
}
