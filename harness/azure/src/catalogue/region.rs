//! The regions, with their zones and prices (`regions.txt`).

use std::collections::HashMap;
use std::sync::OnceLock;

use super::load::{CatalogueError, words};

const DATA: &str = include_str!("regions.txt");

/// A region of Azure.
#[derive(Debug)]
pub struct Region {
    /// `westeurope`.
    pub name: &'static str,
    /// `West Europe`.
    pub display_name: String,
    /// Its availability zones, `1`, `2` and `3`; none in a region without.
    pub zones: Vec<&'static str>,
}

/// The region that is meant where nobody says another.
pub const DEFAULT_REGION: &str = "eastus";

/// What a line of a region says of the prices of a series.
pub(super) type PriceLine = &'static str;

#[derive(Debug)]
struct Regions {
    all: Vec<Region>,
    /// The lines of each region by series. Read when a region is asked for: a run needs one.
    prices: HashMap<(&'static str, &'static str), PriceLine>,
}

fn read() -> Result<&'static Regions, CatalogueError> {
    static READ: OnceLock<Regions> = OnceLock::new();
    if let Some(read) = READ.get() {
        return Ok(read);
    }
    let read = parse(DATA)?;
    Ok(READ.get_or_init(|| read))
}

fn parse(data: &'static str) -> Result<Regions, CatalogueError> {
    let mut all: Vec<Region> = Vec::new();
    let mut prices = HashMap::new();
    for line in data.lines().filter(|line| !line.starts_with('#')) {
        let broken = || CatalogueError::Line(line.to_owned());
        let (first, rest) = line.split_once(' ').ok_or_else(broken)?;
        if first == "=" {
            let [name, display_name, zones] = words(rest).ok_or_else(broken)?;
            let zones = if zones == "-" { Vec::new() } else { zones.split(',').collect() };
            all.push(Region { name, display_name: display_name.replace("%20", " "), zones });
        } else {
            let region = all.last().ok_or_else(broken)?.name;
            if prices.insert((region, first), rest).is_some() {
                return Err(CatalogueError::Twice(format!("{first} of {region}")));
            }
        }
    }
    Ok(Regions { all, prices })
}

/// Every region, by name.
///
/// # Errors
/// [`CatalogueError`] when the embedded data is broken.
pub fn regions() -> Result<impl Iterator<Item = &'static Region>, CatalogueError> {
    Ok(read()?.all.iter())
}

/// A region by its name as Azure writes it in ids and labels, such as `westeurope`.
///
/// # Errors
/// [`CatalogueError`] when the embedded data is broken.
pub fn region(name: &str) -> Result<Option<&'static Region>, CatalogueError> {
    Ok(read()?.all.iter().find(|region| region.name == name))
}

/// The prices of a series in a region, in the order of its sizes; `None` where none of them is sold.
pub(super) fn prices(region: &'static Region, series: &str, vcpus: &[u32]) -> Result<Vec<Option<f64>>, CatalogueError> {
    let all = &read()?.prices;
    let line = |region: &'static str| all.get_key_value(&(region, series) as &(&str, &str)).map(|(_, line)| *line);
    let Some(own) = line(region.name) else { return Ok(vec![None; vcpus.len()]) };
    let broken = || CatalogueError::Line(format!("{series} {own}"));
    let text = match own.strip_prefix('=') {
        Some(other) => all.get(&(other, series)).copied().ok_or_else(broken)?,
        None => own,
    };
    if let Some(unit) = text.strip_suffix("/vcpu") {
        let unit: f64 = unit.parse().map_err(|_| broken())?;
        // Prices are whole millionths; the product of two decimal fractions is not.
        return Ok(vcpus.iter().map(|vcpus| Some((unit * 1e6 * f64::from(*vcpus)).round() / 1e6)).collect());
    }
    let read = |price: &str| match price {
        "-" => Ok(None),
        price => price.parse().map(Some).map_err(|_| broken()),
    };
    let prices: Vec<Option<f64>> = text.split(' ').map(read).collect::<Result<_, _>>()?;
    if prices.len() == vcpus.len() { Ok(prices) } else { Err(broken()) }
}
