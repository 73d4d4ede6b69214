//! The regions, with their zones and prices (`regions.txt`).

use std::collections::HashMap;
use std::sync::OnceLock;

use super::error::CatalogueError;

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

#[derive(Debug)]
struct Regions {
    all: Vec<Region>,
    /// What is said of the prices of a series, by region and series. Read when a region is asked for: a run needs one.
    prices: HashMap<(&'static str, &'static str), &'static str>,
}

fn read() -> Result<&'static Regions, CatalogueError> {
    static READ: OnceLock<Regions> = OnceLock::new();
    if let Some(read) = READ.get() {
        return Ok(read);
    }
    let read = parse(DATA)?;
    Ok(READ.get_or_init(|| read))
}

/// The words of a text, where there are `N` of them.
fn words<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split(' ').collect::<Vec<_>>().try_into().ok()
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

/// Every region, those with the most sizes first.
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

impl CatalogueError {
    /// The error for a region that is not known, with the one that may be meant.
    pub fn unknown_region(name: &str) -> Self {
        let plain = |text: &str| text.to_lowercase().replace([' ', '-', '_'], "");
        let wanted = plain(name);
        let close = regions().ok().and_then(|mut all| all.find(|region| region.name == wanted));
        let near = close.or_else(|| {
            let all = regions().ok()?;
            let mut by_distance: Vec<(usize, &'static Region)> = all
                .map(|region| (strsim::levenshtein(region.name, &wanted), region))
                .filter(|(distance, _)| *distance <= 2)
                .collect();
            by_distance.sort_by_key(|(distance, region)| (*distance, region.name));
            by_distance.first().map(|(_, region)| *region)
        });
        Self::Region { name: name.to_owned(), near: near.map(|region| region.name) }
    }
}

/// The prices of a series in a region, in the order of its sizes; `None` where none of them is sold.
pub(super) fn prices(region: &'static Region, series: &str, vcpus: &[u32]) -> Result<Vec<Option<f64>>, CatalogueError> {
    let all = &read()?.prices;
    let Some(own) = all.get(&(region.name, series)).copied() else { return Ok(vec![None; vcpus.len()]) };
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
