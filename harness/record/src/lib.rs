//! What happened: events, timelines, latencies, verdicts and comparison.
