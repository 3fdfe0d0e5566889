//! Predicted sets and DAGs, as snapshots: every scenario, and every hand-written
//! program. Each is also compared with what execution does, so that no snapshot can
//! record a mistake.

use core::fmt::Write;
use foresee::{Config, Foresee, Mode, predict::PredictOptions, schedule};
use foresee_access::Location;
use foresee_predict::Prediction;
use foresee_schedule::DependencyDag;
use foresee_source::LoadedBlock;
use foresee_workload::{Program, Scenario, generate};
use serde_json::{Value, json};
use std::{fs, path::Path};

fn foresee() -> Foresee {
    let predict = PredictOptions { labels: true, ..PredictOptions::default() };
    let config = Config { threads: 2, mode: Mode::Parallel, predict, ..Config::default() };
    Foresee::new(Config { score: true, ..config }).unwrap()
}

/// Predicts a block, checks the prediction against execution, and builds its DAG.
fn foreseen(loaded: &LoadedBlock, name: &str) -> (Vec<Prediction>, DependencyDag) {
    let foresee = foresee();
    let (block, state) = (&loaded.block, &loaded.state);
    let predictions = foresee.predict_block(block, state).unwrap();
    let executed = foresee.execute_predicted(block, state, predictions.clone()).unwrap();
    let score = executed.score().unwrap();
    for wrong in &score.mispredicted {
        let missed_slots = wrong.difference.missed_reads.iter().any(Location::is_slot);
        let others = wrong.difference.extra_reads.len()
            + wrong.difference.missed_writes.len()
            + wrong.difference.extra_writes.len();
        assert!(!missed_slots && others == 0, "{name}: {wrong:?}");
    }
    assert_eq!(score.gas_exact, score.transactions, "{name}");
    let in_order = foresee_execute::execute_in_order(block, state).unwrap();
    assert!(executed.output == in_order, "{name}: parallel and in-order execution differ");
    assert!(executed.stats.reexecuted.is_empty(), "{name}: {:?}", executed.stats.reexecuted);
    let dag = foresee.schedule(block, &predictions);
    (predictions, dag)
}

/// Locations with their labels, one a line.
fn lines(
    text: &mut String,
    title: &str,
    prediction: &Prediction,
    locations: impl Iterator<Item = Location>,
) {
    for location in locations {
        let label = prediction.label(&location).map_or(String::new(), |label| format!("  {label}"));
        let settled = if prediction.access.is_commutative(&location) { "  settled" } else { "" };
        let _ = writeln!(text, "    {title} {location}{label}{settled}");
    }
}

#[test]
fn hand_written_programs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/bytecode");
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 30);
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let program = Program::parse(&fs::read_to_string(&path).unwrap()).unwrap();
        let loaded = program.block().unwrap().into_block().unwrap();
        let (predictions, dag) = foreseen(&loaded, &name);
        let mut text = String::new();
        for (index, prediction) in predictions.iter().enumerate() {
            let ending = if prediction.success { "succeeds" } else { "fails" };
            let _ = writeln!(text, "transaction {index} {ending}, {} gas", prediction.gas_used);
            lines(&mut text, "reads ", prediction, prediction.access.reads());
            lines(&mut text, "writes", prediction, prediction.access.writes());
        }
        for edge in dag.edges() {
            let _ = writeln!(text, "{} -> {}", edge.from, edge.to);
            for location in &edge.locations {
                let _ = writeln!(text, "    {location}");
            }
        }
        insta::with_settings!({ snapshot_path => "snapshots/programs", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, text);
        });
    }
}

#[test]
fn scenarios() {
    for scenario in Scenario::ALL {
        let loaded = generate(scenario, 10, 1).unwrap().into_block().unwrap();
        let (predictions, dag) = foreseen(&loaded, &scenario.to_string());
        let transactions: Vec<Value> = predictions
            .iter()
            .map(|prediction| {
                json!({
                    "gas": prediction.gas_used,
                    "success": prediction.success,
                    "reads": texts(prediction.access.reads()),
                    "writes": texts(prediction.access.writes()),
                    "commutative": texts(prediction.access.commutative()),
                })
            })
            .collect();
        let structure = json!({
            "transactions": transactions,
            "edges": dag.edges().map(|edge| format!("{} -> {}", edge.from, edge.to)).collect::<Vec<_>>(),
            "layers": dag.layers(),
            "groups": dag.groups(),
        });
        insta::with_settings!({ snapshot_path => "snapshots/scenarios", prepend_module_to_snapshot => false }, {
            insta::assert_json_snapshot!(format!("{scenario}.json"), structure);
            insta::assert_snapshot!(format!("{scenario}.dot"), schedule::dot(&dag, &schedule::View::PLAIN));
        });
    }
}

/// Locations as they are printed, to keep snapshots short.
fn texts(locations: impl Iterator<Item = Location>) -> Vec<String> {
    locations.map(|location| location.to_string()).collect()
}
