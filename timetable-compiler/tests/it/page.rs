//! The pages of reports: what stands on them, and that nothing of the data gets out of its place.

use std::fs;

use crate::program::{Desk, WEEK};
use crate::{NINE, STATIONS};

const STATIONS_OF_THREE: &str = "Gent,BE,Europe/Brussels,51.0357,3.7106,
Mons,BE,Europe/Brussels,50.4542,3.9427,Bergen
Lyon,FR,Europe/Paris,45.7606,4.8593,";

fn page_of(desk: &Desk, command: &str) -> String {
    let _ = desk.run(command);
    fs::read_to_string(desk.path("page.html")).expect("a page")
}

/// Pages fetch nothing and run nothing.
fn assert_self_contained(page: &str) {
    for outside in ["src=", "<link", "<script", "url(", "@import", "http://", "https://"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
}

#[test]
fn a_build_has_a_page_with_map_calendar_pairs_and_sizes() {
    let desk = Desk::new();
    desk.write("stations.csv", &format!("{STATIONS}\n{STATIONS_OF_THREE}\n"));
    let page = page_of(
        &desk,
        &format!(
            "build good.csv --stations stations.csv {WEEK} -o n.railgraph --report-html page.html"
        ),
    );
    assert_self_contained(&page);
    assert!(page.contains("<p class=\"status\">Compiled: no findings.</p>"), "{page}");
    assert!(page.contains("2 rows"), "{page}");
    // Gent to Mons and Mons to Lyon without a change, Gent to Lyon with one; nobody comes back.
    let row = |what: &str, count: usize, share: &str| {
        format!(
            "<td>{what}</td><td class=\"number\">{count}</td><td class=\"number\">{share} %</td>"
        )
    };
    assert!(page.contains(&row("without a change", 2, "33.3")), "{page}");
    assert!(page.contains(&row("with one change", 1, "16.7")), "{page}");
    assert!(page.contains(&row("not with two changes at most", 3, "50.0")), "{page}");
    // Best on each of the seven dates.
    assert!(page.contains("<td>Mons</td><td class=\"number\">7</td>"), "{page}");
    assert_eq!(page.matches("2 trains</title>").count(), 7);
    assert_eq!(page.matches("<line ").count(), 2);
    assert_eq!(page.matches("<circle ").count(), 3);
    for part in ["one-stop table", "finding all connections", "prefers-color-scheme"] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn a_check_has_a_page_without_connections_and_errors_have_one_without_a_network() {
    let desk = Desk::new();
    let checked = page_of(&desk, &format!("check good.csv {WEEK} --report-html page.html"));
    assert!(checked.contains("<p class=\"status\">Checked: no findings.</p>"), "{checked}");
    assert!(checked.contains("A check looks for none"), "{checked}");
    assert!(checked.contains("No station has coordinates"), "{checked}");
    let bad =
        page_of(&desk, &format!("build bad.csv {WEEK} -o n.railgraph --report-html page.html"));
    assert_self_contained(&bad);
    assert!(bad.contains("Not compiled: 2 errors."), "{bad}");
    assert_eq!(counts(&bad, "bad.csv"), ["3 rows", "2", "0", "1"], "{bad}");
    // A finding, and what it means, which it leads to.
    assert!(bad.contains("bad.csv:4:14"), "{bad}");
    assert!(bad.contains("<a href=\"#code-time-without-colon\">"), "{bad}");
    assert!(bad.contains("<h3 id=\"code-time-without-colon\">"), "{bad}");
    assert!(!bad.contains("<svg class=\"map\""));
}

/// The numbers of an input's row: read, kept, not used and dropped.
fn counts(page: &str, input: &str) -> Vec<String> {
    let row = page.split("<tr>").find(|row| row.contains(&format!("{input}</code>")));
    let cells = row.unwrap_or_else(|| panic!("no {input} in {page}")).split("class=\"number\">");
    let cells = cells.skip(2).map(|cell| cell.split('<').next().unwrap_or_default().to_owned());
    cells.collect()
}

#[test]
fn what_was_read_is_kept_not_used_or_dropped() {
    let desk = Desk::new();
    // A Monday to a Friday, and a station that no train serves.
    let rows = "A1,Gent,Mons,07:00,09:00,IC,Daily,20,10
A2,Gent,Mons,08:00,10:00,IC,Sat-Sun,20,10
A3,Mons,Gent,08:00,09:00,IC,Mon,20,10";
    desk.write("week.csv", &format!("{NINE}\n{rows}\n"));
    desk.write("stations.csv", &format!("{STATIONS}\n{STATIONS_OF_THREE}\n"));
    let page = page_of(
        &desk,
        "check week.csv --stations stations.csv --from 2027-06-07 --until 2027-06-11 \
         --report-html page.html",
    );
    assert_eq!(counts(&page, "week.csv"), ["3 rows", "2", "1", "0"], "{page}");
    assert_eq!(counts(&page, "stations.csv"), ["3 stations", "2", "1", "0"], "{page}");
    // Nothing was written of which there could be a version.
    assert!(!page.contains("The file"), "{page}");
}

#[test]
fn findings_that_are_allowed_are_counted_and_not_listed() {
    let desk = Desk::new();
    let rows: Vec<_> =
        (0..12).map(|nth| format!("A{nth},Gent,Mons,07:{nth:02},09:00,IC,Sun,20,10")).collect();
    let all = format!("{NINE}\nB1,Gent,Mons,07:30,09:00,IC,Mon,20,10\n{}\n", rows.join("\n"));
    desk.write("week.csv", &all);
    let check = "check week.csv --from 2027-06-07 --until 2027-06-11 --report-html page.html";
    assert!(page_of(&desk, check).contains(">2 more</p>"));
    let allowed = page_of(&desk, &format!("{check} --allow never-runs"));
    assert!(allowed.contains("12 (allowed)</p>"), "{allowed}");
    assert!(!allowed.contains("more</p>"), "{allowed}");
}

#[test]
fn one_action_stands_for_others_of_its_code_and_says_so() {
    let desk = Desk::new();
    let rows = |two: &str| format!("{NINE}\nA1,Gent,Mons,02:30,03:15,IC,Daily,20,10\n{two}\n");
    let check = "--from 2027-03-26 --until 2027-03-29 --report-html page.html";
    for (two, said) in [
        ("A2,Gent,Mons,02:25,03:10,IC,Daily,20,10", "as on an ordinary day</td>"),
        ("A2,Gent,Mons,02:40,03:20,IC,Daily,20,10", "as on an ordinary day, and the like</td>"),
    ] {
        desk.write("night.csv", &rows(two));
        let page = page_of(&desk, &format!("check night.csv {check}"));
        assert!(page.contains(said), "{page}");
    }
}

#[test]
fn what_the_data_says_stays_text() {
    let desk = Desk::new();
    let evil = "<script>alert(1)</script>";
    desk.write("evil.csv", &format!("{NINE}\nR1,{evil},Mons & Co,07:00,09:00,IC,Daily,20,10\n"));
    let page =
        page_of(&desk, &format!("build evil.csv {WEEK} -o n.railgraph --report-html page.html"));
    assert!(!page.contains("<script"), "{page}");
    let page = page_of(&desk, "inspect n.railgraph --html page.html");
    assert!(!page.contains("<script"), "{page}");
    // In every column, in findings and in a difference.
    desk.write(
        "worse.csv",
        &format!("{NINE}\n{evil},{evil},{evil},{evil},{evil},{evil},{evil},{evil},{evil}\n"),
    );
    let page = page_of(&desk, &format!("check worse.csv {WEEK} --report-html page.html"));
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
    assert!(desk.run(&format!("build good.csv {WEEK} -o m.railgraph")).err.contains("wrote"));
    let page = page_of(&desk, "diff m.railgraph n.railgraph --html page.html");
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
}

#[test]
fn a_network_file_and_a_difference_have_pages_too() {
    let desk = Desk::new();
    assert!(desk.run(&format!("build good.csv {WEEK} -o n.railgraph")).err.contains("wrote"));
    desk.write("later.csv", &format!("{NINE}\nR1,Gent,Mons,07:30,09:00,IC,Daily,20,10\n"));
    assert!(desk.run(&format!("build later.csv {WEEK} -o m.railgraph")).err.contains("wrote"));
    let page = page_of(&desk, "inspect n.railgraph --html page.html");
    assert_self_contained(&page);
    assert!(page.contains("Trains per day") && page.contains("without a change"), "{page}");
    let page = page_of(&desk, "diff n.railgraph m.railgraph --html page.html");
    assert_self_contained(&page);
    for title in
        ["stations removed: 1", "service journeys removed: 1", "service journeys retimed: 1"]
    {
        let folded = format!("<details open><summary><h2>{title}</h2></summary>");
        assert!(page.contains(&folded), "{title}: {page}");
        // The list above leads to it.
        let id = title.split(':').next().unwrap_or_default().replace(' ', "-");
        assert!(page.contains(&format!("<a href=\"#{id}\">")), "{title}: {page}");
        assert!(page.contains(&format!("<ul class=\"lines\" id=\"{id}\">")), "{title}: {page}");
    }
    // Both networks: seven dates with two trains, and with one.
    for (when, name) in [("Before", "n.railgraph"), ("After", "m.railgraph")] {
        let named = format!("{when}: <code>{}</code>", desk.path(name));
        assert!(page.contains(&named), "{named}: {page}");
    }
    for (trains, strength) in [(2, "0.70"), (1, "0.15")] {
        let day = format!("{trains} trains</title><rect ");
        assert_eq!(page.matches(&day).count(), 7, "{page}");
        // The fuller one is the darker one.
        let of_day = page.split(&day).nth(1).unwrap_or_default();
        assert!(of_day[..120].contains(&format!("fill-opacity=\"{strength}\"")), "{of_day}");
    }
    assert_eq!(page.matches("with one change").count(), 2);
    let page = page_of(&desk, "diff n.railgraph n.railgraph --html page.html");
    assert!(page.contains("the network is the same"), "{page}");
    assert_eq!(page.matches("with one change").count(), 1);
}

#[test]
fn a_page_takes_nothings_place() {
    let desk = Desk::new();
    let same = desk.run(&format!(
        "build good.csv {WEEK} -o n.railgraph --report-html r.html --report-json r.html"
    ));
    assert!(same.err.contains("cannot be two of the files written"), "{}", same.err);
    for command in [
        format!("check good.csv {WEEK} --report-html good.csv"),
        "inspect n.railgraph --html n.railgraph".to_owned(),
        "diff n.railgraph m.railgraph --html m.railgraph".to_owned(),
    ] {
        let run = desk.run(&command);
        assert!(run.err.contains("is read, and cannot be written too"), "{command}: {}", run.err);
    }
}
