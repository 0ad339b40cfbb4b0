//! What the plots of a report show.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{EVALUATIONS, column, read, refused, row, three_seeds, two_groups, write_report};

#[test]
fn the_page_needs_nothing_beside_it() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let folders = two_groups(root);
    // A name that is no HTML.
    fs::rename(root.join(&folders[0]), root.join("<b>&")).unwrap();
    let folders = [&["<b>&".to_string()], &folders[1..]].concat();
    write_report(root, &folders, &["--no-latency"]);
    let page = read(&root.join("out"), "report.html");
    let bare = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for outside in ["http:", "https:", "<script", "<link", "<img", "src=", "url(", "@import"] {
        assert!(!bare.contains(outside), "{outside} on the page");
    }
    assert!(page.contains("&lt;b&gt;&amp;") && !page.contains("<b>"), "names are escaped");
    for needed in ["prefers-color-scheme: dark", "name=\"viewport\"", "overflow-x: auto"] {
        assert!(page.contains(needed), "no {needed}");
    }
    let plots = [
        "sparsity-Pendulum-v1",
        "parameters-Pendulum-v1",
        "learning-Pendulum-v1",
        "iqm",
        "optimality-gap",
        "improvement",
        "profiles",
    ];
    assert_eq!(page.matches("<svg").count(), plots.len());
    assert_eq!(page.matches("</svg>").count(), plots.len());
    for plot in plots {
        let svg = read(&root.join("out"), &format!("{plot}.svg"));
        assert!(svg.contains("currentColor") && svg.contains("prefers-color-scheme"), "{plot}");
        assert!(read(&root.join("out"), "report.md").contains(&format!("]({plot}.svg)")));
    }
    // A dot for each run, on both plots that have them.
    for plot in &plots[..2] {
        let svg = read(&root.join("out"), &format!("{plot}.svg"));
        assert_eq!(svg.matches("<circle").count(), folders.len(), "{plot}");
    }
}

/// The points of a plot's strokes, each with its colour.
fn strokes(svg: &str) -> Vec<(&str, Vec<(f64, f64)>)> {
    let attribute = |tag: &'_ str, name: &str| {
        let start = tag.find(name)? + name.len();
        Some((start, start + tag[start..].find('"')?))
    };
    let stroke = |tag| {
        let (colour, points) = (attribute(tag, "stroke=\"")?, attribute(tag, "points=\"")?);
        let points = tag[points.0..points.1].split_whitespace().map(|point| {
            let (x, y) = point.split_once(',').expect("a point is x,y");
            (x.parse().unwrap(), y.parse().unwrap())
        });
        Some((&tag[colour.0..colour.1], points.collect()))
    };
    svg.split("<polyline").skip(1).filter_map(stroke).collect()
}

/// Vertical strokes: intervals at single places.
fn bars(svg: &str) -> Vec<f64> {
    let vertical = |(colour, points): (&str, Vec<(f64, f64)>)| match *points {
        // Axes have ticks in the colour of text.
        [(x, top), (other, bottom)] if colour != "currentColor" => {
            (x == other && top != bottom).then_some(x)
        }
        _ => None,
    };
    strokes(svg).into_iter().filter_map(vertical).collect()
}

#[test]
fn sparsity_is_drawn_by_the_links_that_are_left_with_intervals() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let mut folders = Vec::new();
    for env in ["env=Pendulum-v1", "env=MountainCarContinuous-v0"] {
        for (level, settings) in [
            (300.0, ["method=dense"].as_slice()),
            (250.0, &["method=set", "sparsity=0.9"]),
            (200.0, &["method=set", "sparsity=0.99"]),
        ] {
            three_seeds(root, &mut folders, &[&[env], settings].concat(), level);
        }
    }
    three_seeds(root, &mut folders, &["env=Pendulum-v1", "method=static", "sparsity=0.9"], 100.0);
    write_report(root, &folders, &["--no-latency"]);
    let out = root.join("out");
    let svg = read(&out, "sparsity-MountainCarContinuous-v0.svg");
    let [dense, ninety, ninety_nine] = *bars(&svg) else { panic!("{:?}", bars(&svg)) };
    let (first, second) = (ninety - dense, ninety_nine - ninety);
    // But for the little that methods are drawn aside.
    assert!(first > 100.0 && (first / second - 1.0).abs() < 0.1, "{first} then {second}");
    for label in ["0", "90", "99"] {
        assert!(svg.contains(&format!("\n{label}\n")), "no {label} at the axis: {svg}");
    }
    assert_eq!(bars(&read(&out, "parameters-Pendulum-v1.svg")).len(), 4);

    // Over both environments: all but what was run in one only, of which the others are not told by a mean.
    let over = read(&out, "iqm-sparsity.svg");
    assert!(over.contains("over 2 environments") && !over.contains("static"), "{over}");
    assert_eq!(bars(&over).len(), 3);
    for pooled in ["iqm.svg", "profiles.svg"] {
        let label = "static sparsity=0.9 (1 of 2 environments)";
        assert!(read(&out, pooled).contains(label), "{pooled} does not say what it pools");
    }
    let markdown = read(&out, "report.md");
    assert!(markdown.contains("| static sparsity=0.9 | 1 (Pendulum-v1) | 3 |"), "{markdown}");
}

#[test]
fn many_groups_are_told_apart_in_several_plots() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let mut folders = Vec::new();
    three_seeds(root, &mut folders, &["env=Pendulum-v1", "method=dense"], 200.0);
    let mut labels = vec!["dense".to_string()];
    for method in ["set", "static", "rigl"] {
        for sparsity in [0.5, 0.8, 0.9, 0.95] {
            let settings = [format!("method={method}"), format!("sparsity={sparsity}")];
            let settings = ["env=Pendulum-v1", &settings[0], &settings[1]];
            three_seeds(root, &mut folders, &settings, 100.0 * sparsity);
            labels.push(format!("{method} sparsity={sparsity}"));
        }
    }
    write_report(root, &folders, &["--no-latency"]);
    let out = root.join("out");
    for plot in ["learning-Pendulum-v1", "profiles"] {
        let svgs: Vec<_> = (1..=3).map(|at| read(&out, &format!("{plot}-{at}.svg"))).collect();
        for label in &labels {
            let parts = svgs.iter().filter(|svg| svg.contains(&format!("\n{label}\n"))).count();
            assert_eq!(parts, if label == "dense" { 3 } else { 1 }, "{plot}: {label}");
        }
        for svg in &svgs {
            // Samples of the legend begin at its left.
            let samples = strokes(svg).into_iter().filter(|(_, points)| points[0].0 == 72.0);
            let colours: Vec<_> = samples.map(|(colour, _)| colour).collect();
            let distinct: BTreeSet<_> = colours.iter().collect();
            assert!(colours.len() > 3 && distinct.len() == colours.len(), "{plot}: {colours:?}");
        }
    }
    // Four methods are few enough for one plot.
    assert!(out.join("sparsity-Pendulum-v1.svg").is_file());
}

/// What differs in the critics at the same sparsity is no step along the axis.
#[test]
fn lines_join_what_differs_in_sparsity_alone() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let mut folders = Vec::new();
    for critics in ["critic-sparsity=0.5", "critic-sparsity=0.8"] {
        for sparsity in ["sparsity=0.9", "sparsity=0.95"] {
            let settings = ["env=Pendulum-v1", "method=set", critics, sparsity];
            three_seeds(root, &mut folders, &settings, 100.0);
        }
    }
    write_report(root, &folders, &["--no-latency"]);
    let svg = read(&root.join("out"), "sparsity-Pendulum-v1.svg");
    for family in ["set critic-sparsity=0.5", "set critic-sparsity=0.8"] {
        assert!(svg.contains(&format!("\n{family}\n")), "no {family}: {svg}");
    }
}

#[test]
fn a_run_at_other_steps_does_not_take_its_group_off_the_learning_curves() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let folders = two_groups(root);
    let log = root.join(&folders[4]).join("progress.csv");
    let shifted = fs::read_to_string(&log).unwrap().replace("000,", "500,");
    fs::write(&log, shifted).unwrap();
    write_report(root, &folders, &["--no-latency"]);
    let svg = read(&root.join("out"), "learning-Pendulum-v1.svg");
    assert!(svg.contains("set (no mean: its runs share no step)"), "{svg}");
    let long = strokes(&svg).into_iter().filter(|(_, points)| points.len() == EVALUATIONS);
    // Six runs and the mean of the other group.
    assert_eq!(long.count(), folders.len() + 1);
}

/// What `lacewing robustness` leaves in a run.
fn robustness(folder: &Path, returns: &[(f64, f64)]) {
    let row = |(value, mean): &(f64, f64)| format!("sensor-noise,{value},5,1,7,{mean},1\n");
    let rows: String = returns.iter().map(row).collect();
    let head = "shift,value,episodes,seed,policy,mean,std\n";
    fs::write(folder.join("robustness.csv"), format!("{head}{rows}")).unwrap();
}

#[test]
fn robustness_and_real_inputs_are_shown_where_they_were_measured() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let folders = two_groups(root);
    write_report(root, &folders, &["--no-latency"]);
    for absent in ["Robustness", "What policies look at"] {
        assert!(!read(&root.join("out"), "report.html").contains(absent));
    }
    for (at, run) in folders.iter().enumerate() {
        robustness(&root.join(run), &[(0.0, 200.0 + at as f64), (0.5, 100.0 - at as f64)]);
        let progress = read(&root.join(run), "progress.csv");
        let line = |(row, line): (usize, &str)| match row {
            0 => format!("{line},real_inputs\n"),
            _ => format!("{line},{}\n", row as f64 / 100.0),
        };
        let widened: String = progress.lines().enumerate().map(line).collect();
        fs::write(root.join(run).join("progress.csv"), widened).unwrap();
    }
    write_report(root, &folders, &["--no-latency", "--force"]);
    let out = root.join("out");
    for section in ["Robustness", "What policies look at"] {
        assert!(read(&out, "report.html").contains(section), "no {section}");
    }
    let noise = read(&out, "sensor-noise-Pendulum-v1.svg");
    assert!(noise.contains("return under sensor-noise"), "{noise}");
    // A dot for each run at each value.
    assert_eq!(noise.matches("<circle").count(), 2 * folders.len());
    assert!(read(&out, "real-inputs-Pendulum-v1.svg").contains("links to real features, %"));
    let improvement = read(&out, "improvement.svg");
    assert!(improvement.contains("probability of improvement on dense"), "{improvement}");
    // Drawn in the second group's colour, though the first has no row.
    assert!(improvement.contains("#E69F00") && !improvement.contains("#0072B2"), "{improvement}");

    let markdown = read(&out, "report.md");
    let shifted = row(&markdown, "| Pendulum-v1 | dense | sensor-noise=0.5 |");
    // Of 200, 201 and 202, which were 100, 99 and 98.
    assert!(shifted[4].starts_with("99.00 [") && shifted[5] == "49.3 %", "{shifted:?}");
    let csv = read(&out, "shifts.csv");
    assert_eq!(column(&csv, "mean"), ["201", "99", "204", "96"]);
    assert_eq!(column(&csv, "runs"), ["3"; 4]);
    let seen = row(&markdown, "| Pendulum-v1 | dense | 3 | 1.0 % |");
    assert_eq!(seen[4..], ["5.0 %", "10.0 %", "15.0 %", "20.0 %"], "{seen:?}");
    assert_eq!(column(&read(&out, "real-inputs.csv"), "step").len(), EVALUATIONS * folders.len());

    // A run that was not measured takes no other off the plot.
    fs::remove_file(root.join(&folders[0]).join("robustness.csv")).unwrap();
    write_report(root, &folders, &["--no-latency", "--force"]);
    let noise = read(&out, "sensor-noise-Pendulum-v1.svg");
    assert!(noise.contains("dense (2 of 3 runs)"), "{noise}");
    let markdown = read(&out, "report.md");
    assert_eq!(row(&markdown, "| Pendulum-v1 | dense | sensor-noise=0.5 |")[3], "2 of 3");
    assert_eq!(noise.matches("<circle").count(), 2 * (folders.len() - 1));
    assert!(strokes(&noise).iter().filter(|(colour, _)| *colour == "#0072B2").count() > 1);

    fs::write(root.join(&folders[1]).join("robustness.csv"), "shift,value\nx,y\n").unwrap();
    let told = refused(root, &["dense-1", &folders[1], "-o", "other"]);
    assert!(told.contains("robustness.csv") && told.contains("delete the file"), "{told}");

    // Figures that a later report has not go with its plots.
    folders.iter().for_each(|run| drop(fs::remove_file(root.join(run).join("robustness.csv"))));
    write_report(root, &folders, &["--no-latency", "--force"]);
    assert!(!out.join("shifts.csv").exists() && out.join("real-inputs.csv").is_file());
}
