//! The program: exit codes, what goes to which stream, and what is written.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use serde_json::Value;
use timetable_compiler::{Exit, Streams, run_with};

use crate::{ISO, NINE};

const GOOD: &str = "R1,Gent,Mons,07:00,09:00,IC,Daily,20,10
R2,Mons,Lyon,10:00,14:00,TGV,Daily,60,40";

const BAD: &str = "R3,Gent,Mons,0700,09:00,IC,Daily,20,-1";

/// A folder with a few timetables, in which the program is run.
pub struct Desk {
    folder: tempfile::TempDir,
}

pub struct Run {
    pub exit: Exit,
    pub out: String,
    pub err: String,
}

impl Desk {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let desk = Self { folder };
        desk.write("good.csv", &format!("{NINE}\n{GOOD}\n"));
        desk.write("bad.csv", &format!("{NINE}\n{GOOD}\n{BAD}\n"));
        let extra = "R1,Gent,Mons,07:00,09:00,IC,Daily,5,9,x";
        desk.write("extra.csv", &format!("{NINE},Notes\n{extra}\n"));
        let dated = "R1,Gent,Mons,2026-11-03T07:00:00Z,2026-11-03T09:00:00Z,IC,20,10";
        desk.write("dated.csv", &format!("{ISO}\n{dated}\n"));
        desk
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).expect("a folder to write to");
    }

    /// Runs the program; words with a dot that are no option name files of the folder.
    pub fn run(&self, command: &str) -> Run {
        let word = |word: &str| {
            let is_file = word.contains('.') && !word.starts_with('-');
            OsString::from(if is_file { self.path(word) } else { word.to_owned() })
        };
        let program = std::iter::once(OsString::from("timetable-compiler"));
        let arguments = program.chain(command.split_whitespace().map(word));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let exit = run_with(
            arguments,
            Streams { out: &mut out, err: &mut err, colour: false, progress: false },
        );
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Run { exit, out: text(out), err: text(err) }
    }

    fn is_there(&self, name: &str) -> bool {
        Path::new(&self.path(name)).exists()
    }
}

pub const WEEK: &str = "--from 2026-11-02 --until 2026-11-08";

#[test]
fn a_timetable_is_built_inspected_and_verified() {
    let desk = Desk::new();
    let built = desk.run(&format!("build good.csv {WEEK} --output n.railgraph"));
    assert_eq!(built.exit, Exit::Done, "{}", built.err);
    assert!(built.err.contains("3 stations, 2 service journeys, 7 dates"), "{}", built.err);
    assert!(built.err.contains("2 direct + 1 one-stop + 0 two-stop"), "{}", built.err);
    assert_eq!(built.out, "");

    let json: Value =
        serde_json::from_str(&desk.run("inspect n.railgraph --json").out).expect("JSON");
    assert_eq!(json["connections"]["one_stop"], 1);
    assert_eq!(json["zone"], "Europe/Brussels");
    let parts = json["bytes"].as_array().expect("parts");
    let sum: u64 = parts.iter().filter_map(|part| part["bytes"].as_u64()).sum();
    assert_eq!(json["file_bytes"], sum);
    assert!(desk.run("inspect n.railgraph").out.contains("one-stop connections  1\n"));

    let verified = desk.run("verify n.railgraph");
    assert_eq!(verified.exit, Exit::Done);
    assert!(verified.out.contains("n.railgraph is sound: 3 stations"), "{}", verified.out);
}

#[test]
fn errors_write_nothing_and_leave_the_old_file() {
    let desk = Desk::new();
    desk.write("n.railgraph", "old");
    let built = desk.run(&format!("build bad.csv {WEEK} --output n.railgraph"));
    assert_eq!(built.exit, Exit::Errors);
    let bad = desk.path("bad.csv");
    let expected =
        format!("error[time-without-colon]: the departure time has no colon\n  --> {bad}:4:14");
    assert!(built.err.starts_with(&expected), "{}", built.err);
    assert!(built.err.contains("error[negative-price]"), "{}", built.err);
    assert!(built.err.contains("2 errors; "), "{}", built.err);
    assert_eq!(fs::read_to_string(desk.path("n.railgraph")).expect("a file"), "old");
    assert_eq!(desk.folder.path().read_dir().expect("a folder").count(), 5);
}

#[test]
fn a_check_writes_nothing_and_says_the_same() {
    let desk = Desk::new();
    let checked = desk.run(&format!("check bad.csv {WEEK}"));
    assert_eq!(checked.exit, Exit::Errors);
    assert!(checked.err.contains("error[negative-price]"), "{}", checked.err);
    assert_eq!(desk.run(&format!("check good.csv {WEEK}")).exit, Exit::Done);
    assert_eq!(desk.run("check dated.csv").exit, Exit::Done);
}

#[test]
fn wrong_usage_says_what_to_write_instead() {
    let desk = Desk::new();
    for (command, expected) in [
        ("check good.csv", "add `--from DATE --until DATE`"),
        ("check good.csv --from 2026-11-08 --until 2026-11-02", "before it begins"),
        ("check good.csv --from 2026-11-08 --until 2086-11-02", "more than the 3900"),
        ("check good.csv --from 1026-11-08 --until 2026-11-02", "between 1990 and 2199"),
        ("check dated.csv --max-duration 241h", "from 1m to 240h"),
        ("check dated.csv --min-transfer 15", "write a duration such as `15m`"),
        ("check dated.csv --timezone Europe/Brusels", "`Europe/Brussels` may be meant"),
        ("check dated.csv --deny time-no-colon", "`time-without-colon`"),
        ("check dated.csv --deny extra-column --allow extra-column", "both denied and allowed"),
        ("check dated.csv --allow negative-price", "an error cannot be allowed"),
        ("check dated.csv --layover-policy loose", "lenient"),
        ("build dated.csv", "--output"),
        ("build dated.csv -o dated.csv", "cannot be written too"),
        ("check", "INPUT"),
        ("explain no-such", "lists all"),
    ] {
        let run = desk.run(command);
        assert_eq!(run.exit, Exit::Usage, "{command}: {}", run.err);
        assert!(run.err.contains(expected), "{command}: {}", run.err);
        assert_eq!(run.out, "", "{command}");
    }
}

#[test]
fn files_that_cannot_be_read_or_written_are_told_from_bad_ones() {
    let desk = Desk::new();
    for command in [
        "check missing.csv",
        "check dated.csv --stations missing.csv",
        "build dated.csv --output missing/n.railgraph",
        "verify missing.railgraph",
        "inspect missing.railgraph",
    ] {
        let run = desk.run(command);
        assert_eq!(run.exit, Exit::Io, "{command}: {}", run.err);
        assert!(run.err.contains("error: cannot "), "{command}: {}", run.err);
    }
    for command in ["verify good.csv", "inspect good.csv"] {
        let run = desk.run(command);
        assert_eq!(run.exit, Exit::Errors, "{command}");
        assert!(run.err.contains("expected a network file"), "{}", run.err);
    }
}

#[test]
fn a_policy_decides_what_is_an_error() {
    let desk = Desk::new();
    let exit = |options: &str| {
        let run = desk.run(&format!("check extra.csv {WEEK} {options}"));
        (run.exit, run.err.matches("first-class-cheaper").count())
    };
    assert_eq!(exit(""), (Exit::Done, 1));
    assert_eq!(exit("--strict"), (Exit::Errors, 1));
    assert_eq!(exit("--strict --allow first-class-cheaper"), (Exit::Done, 0));
    assert_eq!(exit("--deny extra-column"), (Exit::Errors, 1));
}

#[test]
fn programs_get_json_and_the_quiet_get_no_infos() {
    let desk = Desk::new();
    let run =
        desk.run(&format!("build extra.csv {WEEK} -o n.railgraph --json --report-json r.json"));
    let json: Value = serde_json::from_str(&run.out).expect("JSON");
    assert_eq!(json["status"], "done");
    assert_eq!(json["network"]["stations"], 2);
    assert_eq!(json["findings"]["totals"]["extra-column"]["found"], 1);
    let report = fs::read_to_string(desk.path("r.json")).expect("a report");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["findings"]["notices"], json["findings"]["notices"]);
    let cheaper = &json["findings"]["notices"][1];
    assert_eq!(cheaper["code"], "first-class-cheaper");
    assert_eq!((&cheaper["line"], &cheaper["column"]), (&2.into(), &35.into()));
    assert_eq!(cheaper["field"], "First Class ticket rate (in euro)");

    let quiet = desk.run(&format!("check extra.csv {WEEK} --quiet"));
    assert!(quiet.err.starts_with("warning[first-class-cheaper]"), "{}", quiet.err);
    assert_eq!(quiet.err.lines().count(), 3);
}

#[test]
fn a_report_is_written_even_where_the_network_is_not() {
    let desk = Desk::new();
    let run =
        desk.run(&format!("build bad.csv {WEEK} -o n.railgraph --report-json r.json --quiet"));
    assert_eq!(run.exit, Exit::Errors);
    let report = fs::read_to_string(desk.path("r.json")).expect("a report");
    assert!(report.contains("\"status\": \"errors\""), "{report}");
    assert!(!desk.is_there("n.railgraph"));
}

#[test]
fn gtfs_is_read_from_folders_and_archives() {
    let desk = Desk::new();
    let feed = crate::gtfs::feed();
    for folder in ["feed", "outer.d/inner"] {
        let path = desk.folder.path().join(folder);
        fs::create_dir_all(&path).expect("a folder");
        for (name, bytes) in &feed.files {
            fs::write(path.join(name), bytes).expect("a folder to write to");
        }
    }
    let zip = feed.zip("", zip::CompressionMethod::Deflated);
    let timetable_compiler::read::Content::File(bytes) = zip.content else {
        panic!("an archive is a file");
    };
    fs::write(desk.path("feed.zip"), bytes).expect("a folder to write to");
    let inner = desk.run("build outer.d --output inner.railgraph --json");
    assert_eq!(inner.exit, Exit::Done, "{}", inner.err);
    assert!(inner.err.contains("info[feed-in-subfolder]"), "{}", inner.err);
    assert_eq!(desk.run("build feed.zip --output zip.railgraph").exit, Exit::Done);
    let read = |name: &str| fs::read(desk.path(name)).expect("a network");
    assert!(read("inner.railgraph") == read("zip.railgraph"), "packed or not, it is one feed");

    for command in [
        "build outer.d --output outer.d/inner/stops.txt",
        "build outer.d --output outer.d/new.railgraph",
        "check outer.d/inner --report-json outer.d/inner/trips.txt",
        "build feed.zip --output x.railgraph --report-json x.railgraph",
    ] {
        let run = desk.run(command);
        assert_eq!(run.exit, Exit::Usage, "{command}: {}", run.err);
    }
    assert!(!desk.folder.path().join("x.railgraph").exists());

    let slower = desk.run("build feed.zip --min-transfer 15m --output slow.railgraph");
    assert_eq!(slower.exit, Exit::Done, "{}", slower.err);
    assert!(read("slow.railgraph") != read("zip.railgraph"), "GTFS has 5 minutes by default");
    let none = desk.run("check feed.zip --route-types 3");
    assert_eq!(none.exit, Exit::Errors);
    assert!(none.err.contains("it has those of types 2"), "{}", none.err);
    for (option, expected) in [
        ("--route-types rail", "2,100-117,109"),
        ("--max-dropped 101", "from 0 to 100"),
        ("--merge-stations place", "name, id"),
    ] {
        let run = desk.run(&format!("check feed.zip {option}"));
        assert_eq!(run.exit, Exit::Usage, "{option}");
        assert!(run.err.contains(expected), "{}", run.err);
    }
}

#[test]
fn differences_are_told_by_text_by_json_and_by_exit_code() {
    let desk = Desk::new();
    desk.write("later.csv", &format!("{NINE}\n{}\n", GOOD.replace("10:00", "10:15")));
    for (timetable, network) in [("good.csv", "a.railgraph"), ("later.csv", "b.railgraph")] {
        let built = desk.run(&format!("build {timetable} {WEEK} -o {network} --quiet"));
        assert_eq!(built.exit, Exit::Done, "{}", built.err);
    }
    let same = desk.run("diff a.railgraph a.railgraph");
    assert_eq!((same.exit, same.out.as_str()), (Exit::Done, "the network is the same\n"));
    let same = desk.run("diff a.railgraph a.railgraph --json");
    let json: Value = serde_json::from_str(&same.out).expect("JSON");
    assert_eq!((same.exit, &json["same"]), (Exit::Done, &Value::Bool(true)));

    let other = desk.run("diff a.railgraph b.railgraph");
    assert_eq!((other.exit, other.err.as_str()), (Exit::Errors, ""));
    let expected = "service journeys retimed: 1\n  R2: TGV Mons 10:00 → Lyon 14:00, now Mons 10:15";
    assert!(other.out.starts_with(expected), "{}", other.out);
    let other = desk.run("diff a.railgraph b.railgraph --json");
    let json: Value = serde_json::from_str(&other.out).expect("JSON");
    assert_eq!((other.exit, &json["same"]), (Exit::Errors, &Value::Bool(false)));
    assert_eq!(json["journeys"]["retimed"][0]["id"], "R2");

    for (command, expected) in [
        ("diff a.railgraph missing.railgraph", "cannot read"),
        ("diff good.csv a.railgraph", "expected a network file"),
        ("diff a.railgraph good.csv", "expected a network file"),
    ] {
        let run = desk.run(command);
        assert_eq!((run.exit, run.out.as_str()), (Exit::Io, ""), "{command}");
        assert!(run.err.contains(expected), "{command}: {}", run.err);
    }
    assert_eq!(desk.run("diff a.railgraph").exit, Exit::Usage);
}

#[test]
fn codes_are_explained_and_help_teaches() {
    let desk = Desk::new();
    let one = desk.run("explain time-without-colon");
    assert_eq!(one.exit, Exit::Done);
    assert!(one.out.contains("How to mend it: Write `HH:MM`"), "{}", one.out);
    assert!(desk.run("explain").out.lines().count() > 40);
    let help = desk.run("--help");
    assert_eq!(help.exit, Exit::Done);
    assert!(help.out.contains("Examples:") && help.out.contains("Exit codes:"), "{}", help.out);
    assert!(desk.run("build --help").out.contains("Days of Operation"));
}

#[test]
fn shells_are_told_of_every_command_and_option() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish"] {
        let run = desk.run(&format!("completions {shell}"));
        assert_eq!((run.exit, run.err.as_str()), (Exit::Done, ""));
        for word in ["inspect", "explain", "report-html", "merge-stations", "never-runs"] {
            assert!(run.out.contains(word), "{shell}: {word}");
        }
    }
}
