//! Prints the figures of `store::bench` for a database URL: `session_writes URL [TURNS]`.

#[expect(clippy::print_stdout, reason = "it is what this program is for")]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments
        .next()
        .ok_or("usage: session_writes URL [TURNS]")?;
    let mut what = store::bench::SessionWrites::default();
    if let Some(turns) = arguments.next() {
        what.turns = turns.parse()?;
    }
    let figures = store::bench::session_writes(&url, &what).await?;
    println!(
        "committer {:.0}/s, bare loop {:.0}/s, ratio {:.2}, {:.0} a batch, {} write sets",
        figures.committer,
        figures.bare,
        figures.ratio(),
        figures.batch,
        figures.sets
    );
    Ok(())
}
