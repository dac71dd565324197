//! How long a new password must be.

use crate::api;
use crate::browser::Task;
use yew::prelude::*;

/// Characters that a new password needs, once the server has said it.
#[hook]
pub fn use_password_length() -> Option<usize> {
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
