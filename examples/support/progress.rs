//! Progress on stderr, for people: nothing is drawn where stderr is not a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// Says what is being done, and for how long.
pub(crate) fn spinner(message: impl Into<String>) -> ProgressBar {
    let progress = styled(ProgressBar::new_spinner(), "{spinner} {msg} ({elapsed})");
    progress.set_message(message.into());
    progress.enable_steady_tick(Duration::from_millis(100));
    progress
}

/// Says how many of so many are done.
pub(crate) fn bar(message: impl Into<String>, total: u64) -> ProgressBar {
    let template = "{msg} {wide_bar} {human_pos} of {human_len}, {eta} left";
    let progress = styled(ProgressBar::new(total), template);
    progress.set_message(message.into());
    progress
}

/// Says how many of so many are done, and moves while there is nothing new to say of that.
pub(crate) fn moving_bar(message: impl Into<String>, total: u64) -> ProgressBar {
    let template = "{spinner} {msg} {wide_bar} {human_pos} of {human_len}, {elapsed}";
    let progress = styled(ProgressBar::new(total), template);
    progress.set_message(message.into());
    progress.enable_steady_tick(Duration::from_millis(100));
    progress
}

/// It goes away when it is dropped, also because of an error.
fn styled(progress: ProgressBar, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or(ProgressStyle::default_bar());
    progress.with_style(style).with_finish(ProgressFinish::AndClear)
}
