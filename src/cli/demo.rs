//! `schoolgate demo`: tells how far the made-up authority has come, what to try, and serves until stopped.

use super::{say, serve};
use crate::demo::run::{self, DemoArgs, Step};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Instant;

/// Makes the demonstration and serves it.
pub(super) async fn demo(args: &DemoArgs) -> Result<()> {
    serve::log_to_stderr("warn");
    say("building a synthetic authority and sending its registers through the API ...\n")?;
    let begun = Instant::now();
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template("  {msg} {bar:40} {human_pos} of {human_len} {elapsed}")?);
    let tell = |step: Step| {
        let Step { what, done, of } = step;
        bar.set_length(u64::try_from(of).unwrap_or(u64::MAX));
        bar.set_message(what);
        bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
        if done == of {
            let line = format!("  {of} {what}, {:.1} s\n", begun.elapsed().as_secs_f64());
            // Nobody listens: then nobody need be told.
            let _ = bar.suspend(|| say(&line));
        }
    };
    let demo = run::start_telling(args, &tell).await?;
    bar.finish_and_clear();
    let about = format!(
        "\nschoolgate demo: {} schools, {} pupils, today is {}\n  API    {}\n  admin  {}\n  folder {}\n\n{}stop with Ctrl-C\n",
        args.schools,
        args.pupils,
        demo.json.today,
        demo.json.api,
        demo.json.admin,
        demo.dir.display(),
        demo.calls()?
    );
    say(&about)?;
    serve::until_stopped().await?;
    demo.running.stop().await;
    Ok(())
}
