//! A recorded log with what is known of its objects, for the operators to choose from.

use std::collections::{BTreeMap, HashMap};

use harness_plan::{Action, EventPattern, Plan};
use harness_record::event::*;
use harness_record::occurrence::Counter;
use harness_record::{Event, EventKind};

pub(crate) struct Log<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) events: &'a [Event],
    /// All attributes of an object at the end, by UID.
    attributes: HashMap<&'a str, BTreeMap<&'a str, &'a str>>,
    /// The pool of each NodeClaim, Node and VM, by name.
    pools: HashMap<&'a str, &'a str>,
}

/// Start and end of a phase, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) from_us: u64,
    pub(crate) to_us: u64,
}

impl Window {
    pub(crate) fn contains(self, at_us: u64) -> bool {
        (self.from_us..=self.to_us).contains(&at_us)
    }

    pub(crate) fn middle_us(self) -> u64 {
        self.from_us + (self.to_us - self.from_us) / 2
    }
}

impl<'a> Log<'a> {
    /// The plan's action that was carried out.
    pub(crate) fn planned(&self, done: &ActionStamps) -> Option<&'a Action> {
        let id = done.what.id()?;
        let mut planned = self.plan.phases.iter().flat_map(|phase| &phase.actions);
        planned.find(|planned| planned.id == id).map(|planned| &planned.action)
    }

    pub(crate) fn of(plan: &'a Plan, events: &'a [Event]) -> Self {
        let mut attributes: HashMap<&str, BTreeMap<&str, &str>> = HashMap::new();
        let mut pools: HashMap<&str, &str> = HashMap::new();
        for event in events {
            match &event.kind {
                EventKind::Milestone(milestone) => {
                    let known = attributes.entry(milestone.object.uid.as_str()).or_default();
                    known.extend(milestone.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())));
                    if let Some(pool) = milestone.attributes.get(attribute::NODEPOOL) {
                        pools.insert(&milestone.object.name, pool);
                    }
                }
                EventKind::Azure(fact) if !fact.nodepool.is_empty() => {
                    pools.insert(&fact.vm, &fact.nodepool);
                    pools.entry(&fact.nodeclaim).or_insert(&fact.nodepool);
                }
                _ => {}
            }
        }
        Self { plan, events, attributes, pools }
    }

    /// The value of an object's attribute at the end.
    pub(crate) fn attribute(&self, object: &ObjectKey, key: &str) -> &'a str {
        self.attributes.get(object.uid.as_str()).and_then(|known| known.get(key)).copied().unwrap_or("")
    }

    pub(crate) fn pool_named(&self, name: &str) -> &'a str {
        self.pools.get(name).copied().unwrap_or("")
    }

    /// A pod's workload; the pool of a NodeClaim or Node; otherwise the object's name.
    pub(crate) fn subject<'s>(&self, object: &'s ObjectKey) -> &'s str
    where
        'a: 's,
    {
        match object.kind {
            ObjectKind::Pod => self.attribute(object, attribute::WORKLOAD),
            ObjectKind::NodeClaim | ObjectKind::Node => match self.attribute(object, attribute::NODEPOOL) {
                "" => self.pool_named(&object.name),
                pool => pool,
            },
            ObjectKind::NodePool | ObjectKind::GitRepository | ObjectKind::Kustomization => &object.name,
        }
    }

    /// The milestones of one kind, in the order of the log.
    pub(crate) fn milestones(
        &self,
        kind: ObjectKind,
        reached: Reached,
    ) -> impl Iterator<Item = (usize, &'a Event, &'a Milestone)> {
        self.events.iter().enumerate().filter_map(move |(index, event)| match &event.kind {
            EventKind::Milestone(it) if it.object.kind == kind && it.reached == reached => Some((index, event, it)),
            _ => None,
        })
    }

    /// All milestones of an object.
    pub(crate) fn of_object(&self, uid: &str) -> impl Iterator<Item = (usize, &'a Event, &'a Milestone)> {
        self.events.iter().enumerate().filter_map(move |(index, event)| match &event.kind {
            EventKind::Milestone(it) if it.object.uid == uid => Some((index, event, it)),
            _ => None,
        })
    }

    /// When an object first reached a milestone.
    pub(crate) fn when(&self, uid: &str, reached: Reached) -> Option<u64> {
        self.of_object(uid).find(|(_, _, it)| it.reached == reached).map(|(_, event, _)| event.at_us)
    }

    pub(crate) fn facts(&self, what: AzureFactKind) -> impl Iterator<Item = (usize, &'a Event, &'a AzureFact)> {
        self.events.iter().enumerate().filter_map(move |(index, event)| match &event.kind {
            EventKind::Azure(fact) if fact.what == what => Some((index, event, fact)),
            _ => None,
        })
    }

    pub(crate) fn window(&self, phase: &str) -> Option<Window> {
        let began = self.events.iter().find_map(|event| match &event.kind {
            EventKind::PhaseBegan { phase: name } if name == phase => Some(event.at_us),
            _ => None,
        })?;
        let (_, ended) = self.end(phase)?;
        Some(Window { from_us: began, to_us: ended.at_us })
    }

    /// The event that ended a phase.
    pub(crate) fn end(&self, phase: &str) -> Option<(usize, &'a Event)> {
        self.events
            .iter()
            .enumerate()
            .find(|(_, event)| matches!(&event.kind, EventKind::PhaseEnded { phase: name, .. } if name == phase))
    }

    /// The phases that a check is about: all of the plan where it names none.
    pub(crate) fn phases<'s>(&self, named: &'s [String]) -> Vec<&'s str>
    where
        'a: 's,
    {
        if named.is_empty() {
            self.plan.phases.iter().map(|phase| phase.name.as_str()).collect()
        } else {
            named.iter().map(String::as_str).collect()
        }
    }

    pub(crate) fn windows(&self, named: &[String]) -> Vec<Window> {
        self.phases(named).into_iter().filter_map(|phase| self.window(phase)).collect()
    }

    /// The events that match a pattern within the phases, as the verdict counts them.
    pub(crate) fn occurrences(&self, of: &EventPattern, named: &[String]) -> Vec<usize> {
        let windows = self.windows(named);
        let mut counter = Counter::new();
        let mut found = Vec::new();
        for (index, event) in self.events.iter().enumerate() {
            let Some(occurrence) = counter.learn(event) else { continue };
            if occurrence.is(of) && windows.iter().any(|window| window.contains(occurrence.at_us)) {
                found.push(index);
            }
        }
        found
    }

    /// A workload's class, and its pods' pool.
    pub(crate) fn class_of(&self, workload: &str) -> &'a str {
        self.plan.workloads.iter().find(|known| known.name == workload).map_or("", |known| known.class.as_str())
    }
}
