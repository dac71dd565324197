//! The minimum length of a new password.

use crate::api;
use crate::browser::timer::Task;
use yew::prelude::*;

/// Returns the minimum length in characters, once the server has said it.
#[hook]
pub fn use_password_min_length() -> Option<usize> {
    let length = use_state_eq(|| None);
    use_effect_with((), {
        let length = length.setter();
        move |()| {
            let task = Task::spawn(async move {
                if let Ok(config) = api::config().await {
                    length.set(Some(config.password_min_length));
                }
            });
            move || drop(task)
        }
    });
    *length
}
