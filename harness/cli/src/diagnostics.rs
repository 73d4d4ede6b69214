//! Problems with a text, drawn below the line that they are about.

use harness_tree::SourceFile;
use harness_yaml::Diagnostic;
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};

use crate::console::Console;

/// Columns of a drawing.
const WIDTH: usize = 110;
/// The longest mark under a source line.
const MARK_MAX: usize = 120;

/// Renders `file:line:column: message`, then the line with the place marked, then the hint.
pub(crate) fn render(problem: &Diagnostic, texts: &[SourceFile], console: &Console) -> String {
    let Some(source) = texts.iter().find(|text| text.path == problem.file) else {
        return problem.to_string();
    };
    let head = format!("{}:{}:{}: {}", problem.file, problem.line, problem.column, problem.message);
    let mut diagnostic = MietteDiagnostic::new(head);
    if problem.offset < source.text.len() {
        let length = problem.length.clamp(1, MARK_MAX).min(source.text.len() - problem.offset);
        diagnostic = diagnostic.with_label(LabeledSpan::new(Some("here".to_owned()), problem.offset, length));
    }
    if let Some(hint) = &problem.hint {
        diagnostic = diagnostic.with_help(hint.clone());
    }
    let report = Report::new(diagnostic).with_source_code(NamedSource::new(&source.path, source.text.clone()));
    let theme = if console.colour_err { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let mut text = String::new();
    // The head has said where: the drawing would say it again with columns in bytes.
    let handler = GraphicalReportHandler::new_themed(theme).with_width(WIDTH).without_primary_span_start();
    match handler.render_report(&mut text, report.as_ref()) {
        Ok(()) => text.trim().trim_start_matches(['×', ' ']).to_owned(),
        Err(_) => problem.to_string(),
    }
}
