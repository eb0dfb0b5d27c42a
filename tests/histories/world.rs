//! Where a history happens: databases, a home with the job, an index; what is in it afterwards, and what is wrong with that.

use std::cell::Cell;
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use prejoin::config::Server;
use prejoin::sink::Method;
use prejoin::sink::index::Generations;
use prejoin::state::State;
use serde_json::{Map, Value, json};

use super::edits::Transaction;
use super::harm::{Harm, How, Moment, Run};
use super::history::{History, Round, Step};
use super::oracle::{self, Documents};
use super::render;
use super::schema::Schema;
use super::server::Session;
use crate::support::engines::TestEngine;
use crate::support::failpoint::Held;
use crate::support::home::{Home, Ran};
use crate::support::own::Indexes;
use crate::support::place::Place;

/// What was wrong, and after which round.
pub(super) struct Fault {
    pub(super) round: usize,
    pub(super) what: String,
}

/// What happened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) runs: u32,
    pub(super) kills: u32,
    pub(super) freezes: u32,
}

struct World<'h> {
    schema: &'h Schema,
    home: Rc<Home>,
    tally: Cell<Tally>,
    index: Indexes,
    engine: TestEngine,
    /// Gone before the databases are, which wait for them.
    open: Vec<Open>,
    places: Vec<Place>,
}

/// A transaction that is open still.
struct Open {
    session: Session,
    commits: bool,
    until: usize,
}

/// Has a history happen. It ends at the first fault.
pub(super) async fn happen(history: &History, engine: TestEngine) -> Result<Tally, Fault> {
    let mut world = World::new(&history.schema, engine).await;
    for (number, round) in history.rounds.iter().enumerate() {
        world.round(number, round).await.map_err(|what| Fault { round: number, what })?;
    }
    world.close(usize::MAX).await;
    let rest = async {
        world.sync().await.map(|_| ())?;
        world.compare().await
    }
    .await;
    rest.map_err(|what| Fault { round: history.rounds.len(), what })?;
    Ok(world.tally.get())
}

impl<'h> World<'h> {
    async fn new(schema: &'h Schema, engine: TestEngine) -> Self {
        let index = Indexes::of(engine, "things").await;
        let (mut places, mut sources) = (Vec::new(), Map::new());
        for (at, kind) in schema.places.iter().enumerate() {
            let place = kind.place().await;
            for table in schema.tables.iter().filter(|table| table.place == at) {
                for sql in kind.make(table) {
                    place.run(&sql).await;
                }
            }
            let overlap = kind.overlap();
            let source = match &place.config().server {
                Server::Postgres(to) => {
                    json!({"kind": "postgres", "url": to.url.reveal().unwrap(), "schema": to.schema, "overlap": overlap})
                }
                Server::Mysql(to) => {
                    json!({"kind": "mysql", "url": to.url.reveal().unwrap(), "overlap": overlap})
                }
                Server::Sqlite { path } => {
                    json!({"kind": "sqlite", "path": path, "overlap": overlap})
                }
            };
            sources.insert(render::source(at), source);
            places.push(place);
        }
        let config = json!({
            "sources": sources, "engine": {"lease_ttl": "1s"}, "load": {"page_rows": 5, "range_rows": 8},
        });
        let home = Home::new()
            .file("mappings/thing.json", &render::mapping(schema))
            .file("jobs/thing.yaml", &render::job(schema, &index))
            .file("config/default.yaml", &config.to_string())
            .engine(engine)
            .await;
        let (home, tally) = (Rc::new(home), Cell::default());
        Self { schema, home, tally, index, engine, places, open: Vec::new() }
    }

    async fn round(&mut self, number: usize, round: &Round) -> Result<(), String> {
        self.close(number).await;
        if !matches!(round.then, Step::Amid | Step::Harm(_)) {
            for transaction in &round.transactions {
                self.transact(number, transaction).await;
            }
        }
        match round.then {
            Step::Sync => {
                self.sync().await?;
            }
            Step::Twice => {
                self.sync().await?;
                self.compare().await?;
                let report = self.sync().await?;
                let touched =
                    report["written"].as_u64().unwrap() + report["deleted"].as_u64().unwrap();
                if touched > 0 {
                    return Err(format!("a run with nothing to do touched documents: {report}"));
                }
            }
            Step::Amid => {
                self.amid(round).await?;
                self.sync().await?;
            }
            Step::Reindex => {
                self.run(&Run::REINDEX).await?;
            }
            Step::Back => {
                if let Some(other) = self.other().await {
                    self.run(&["rollback", "thing", "--to", &other]).await?;
                }
                self.sync().await?;
            }
            Step::Harm(harm) => {
                Box::pin(self.harm(number, round, harm)).await?;
                self.sync().await?;
            }
        }
        if round.looks { self.compare().await } else { Ok(()) }
    }

    /// A run beside which the round's transactions happen, as many as there is time for.
    async fn amid(&self, round: &Round) -> Result<(), String> {
        let is_over = Cell::new(false);
        let edits = async {
            for transaction in round.transactions.iter().take_while(|_| !is_over.get()) {
                self.at_once(transaction).await;
            }
        };
        let run = async {
            self.count(|tally| tally.runs += 1);
            let ran = self.home.run_beside(&Run::SYNC).await;
            is_over.set(true);
            ran
        };
        let (ran, ()) = tokio::join!(run, edits);
        ended(ran.code, &ran.stderr)
    }

    /// A run that is killed or frozen when half of the transactions are over, and goes no further before the others are.
    async fn harm(&mut self, number: usize, round: &Round, harm: Harm) -> Result<(), String> {
        let (before, meanwhile) = round.transactions.split_at(round.transactions.len() / 2);
        for transaction in before {
            self.transact(number, transaction).await;
        }
        let home = Rc::clone(&self.home);
        let arguments = self.arguments(harm.run).await;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.count(|tally| tally.runs += 1);
        let (held, is_held) = match harm.at {
            Moment::Point(name, arrival) => {
                let mut held = home.start_held(&format!("{name}:{arrival}"), &arguments, &[]);
                let is_held = held.is_held().await;
                (held, is_held)
            }
            Moment::Time(millis) => {
                let mut held = Held::nowhere(home.start(&arguments));
                let time = Duration::from_millis(millis as u64);
                let is_held = tokio::time::timeout(time, held.is_held()).await.unwrap_or(true);
                (held, is_held)
            }
        };
        if is_held {
            held.freeze();
        }
        for transaction in meanwhile {
            self.transact(number, transaction).await;
        }
        if !is_held {
            let ran = held.ended().await;
            return ended(ran.code, &ran.stderr);
        }
        match harm.how {
            How::Killed => {
                let ran = held.kill().await;
                match ran.code {
                    None => self.count(|tally| tally.kills += 1),
                    // It was over at that moment.
                    Some(_) => ended(ran.code, &ran.stderr)?,
                }
                self.follow(harm.then).await
            }
            How::Frozen => {
                self.follow(harm.then).await?;
                let ran = held.goes_on().await;
                self.count(|tally| tally.freezes += 1);
                match ran.code {
                    Some(3) => Ok(()),
                    _ if harm.must_give_way() => {
                        Err(format!("another run took over, and it ended with {ran:?}"))
                    }
                    _ => ended(ran.code, &ran.stderr),
                }
            }
        }
    }

    /// A run behind one that died or stands still.
    async fn follow(&self, run: Run) -> Result<(), String> {
        let arguments = self.arguments(run).await;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ran = self.once_free(&arguments).await;
        let nothing = ran.code == Some(2) && ran.stderr.contains("nothing to go on with");
        if run == Run::Resume && nothing {
            let ran = self.once_free(&Run::SYNC).await;
            return ended(ran.code, &ran.stderr);
        }
        ended(ran.code, &ran.stderr)
    }

    /// Runs the program. What a dead run has sent last may reach a busy engine only now, and is taken for a sign of life.
    async fn once_free(&self, arguments: &[&str]) -> Ran {
        for _ in 0..5 {
            self.count(|tally| tally.runs += 1);
            let ran = self.home.run_beside(arguments).await;
            if ran.code != Some(3) {
                return ran;
            }
        }
        panic!("the dead go on giving signs of life")
    }

    async fn arguments(&self, run: Run) -> Vec<String> {
        let mut arguments: Vec<String> =
            run.words().iter().map(|word| (*word).to_owned()).collect();
        if run == Run::Back {
            match self.other().await {
                Some(other) => arguments.extend(["--to".to_owned(), other]),
                // There is no way back yet.
                None => arguments = Run::SYNC.map(str::to_owned).to_vec(),
            }
        }
        arguments
    }

    fn count(&self, happened: impl FnOnce(&mut Tally)) {
        let mut tally = self.tally.get();
        happened(&mut tally);
        self.tally.set(tally);
    }

    async fn transact(&mut self, number: usize, transaction: &Transaction) {
        match transaction.open_for {
            0 => self.at_once(transaction).await,
            rounds => {
                let Some(session) = self.begin(transaction).await else { return };
                let until = number + rounds;
                self.open.push(Open { session, commits: transaction.commits, until });
            }
        }
    }

    async fn at_once(&self, transaction: &Transaction) {
        if let Some(session) = self.begin(transaction).await {
            session.end(transaction.commits).await;
        }
    }

    /// A transaction without its end; `None` when another one was in its way, so that nothing of it is left.
    async fn begin(&self, transaction: &Transaction) -> Option<Session> {
        let (kind, place) =
            (self.schema.places[transaction.place], &self.places[transaction.place]);
        let mut session = Session::begin(kind, place).await;
        for edit in &transaction.edits {
            if !session.edit(&kind.speak(edit)).await {
                session.end(false).await;
                return None;
            }
        }
        Some(session)
    }

    /// Ends the transactions that were to be open until now.
    async fn close(&mut self, now: usize) {
        let (due, later): (Vec<Open>, Vec<Open>) =
            std::mem::take(&mut self.open).into_iter().partition(|open| open.until <= now);
        self.open = later;
        for open in due {
            open.session.end(open.commits).await;
        }
    }

    async fn sync(&self) -> Result<Value, String> {
        self.run(&Run::SYNC).await.map(|said| serde_json::from_str(&said).unwrap())
    }

    /// Runs the program, which must end well; a relation to one row that has found several is worth a look, and right.
    async fn run(&self, arguments: &[&str]) -> Result<String, String> {
        self.count(|tally| tally.runs += 1);
        let ran = self.home.run_beside(arguments).await;
        ended(ran.code, &ran.stderr)?;
        Ok(ran.stdout)
    }

    /// An index that served before, or after one had gone back.
    async fn other(&self) -> Option<String> {
        let client = self.engine.client().await;
        let generations = Generations::read(&client, &self.index).await.unwrap();
        let state = State::new(client, self.home.state_prefix());
        for index in generations.all.into_iter().filter(|index| !index.live) {
            let remembered = state.index(&index.name).await.unwrap();
            // Not what a dead run has left half done.
            if remembered.is_some_and(|(_, state)| state.served_from.is_some()) {
                return Some(index.name);
            }
        }
        None
    }

    /// Nothing more and nothing less than the services say is in the index, and no dead letter.
    async fn compare(&self) -> Result<(), String> {
        let (held, right) = (self.held().await, oracle::documents(self.schema, &self.places).await);
        let mut wrong = String::new();
        for (id, document) in &right {
            match held.get(id) {
                None => writeln!(wrong, "missing {id}: {document}").unwrap(),
                Some(held) if held != document => {
                    writeln!(wrong, "stale {id}:\n  held  {held}\n  right {document}").unwrap();
                }
                Some(_) => {}
            }
        }
        for (id, document) in held.iter().filter(|(id, _)| !right.contains_key(*id)) {
            writeln!(wrong, "ghost {id}: {document}").unwrap();
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    async fn held(&self) -> Documents {
        let client = self.engine.client().await;
        let index: &str = &self.index;
        client.call(Method::Post, &[index, "_refresh"], &[], None).await.unwrap();
        let search = json!({"size": 10_000, "query": {"match_all": {}}});
        let found =
            client.call(Method::Post, &[index, "_search"], &[], Some(&search)).await.unwrap();
        let hits = found["hits"]["hits"].as_array().unwrap();
        let document = |hit: &Value| {
            let mut source = hit["_source"].clone();
            source.as_object_mut().unwrap().remove("_prejoin");
            (hit["_id"].as_str().unwrap().to_owned(), source)
        };
        hits.iter().map(document).collect()
    }
}

fn ended(code: Option<i32>, said: &str) -> Result<(), String> {
    match code {
        Some(0 | 1) if !said.contains("dead letter") => Ok(()),
        _ => Err(format!("the program ended with {code:?}:\n{said}")),
    }
}
