//! Reading the embedded sizes (`sizes.txt`), and those of a region.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::error::CatalogueError;
use super::region::{self, Region};
use super::sku::{Architecture, Catalogue, GpuVendor, Series, Sku};

const DATA: &str = include_str!("sizes.txt");

/// Every size that is known, whether or not a region sells it; none has a price.
///
/// # Errors
/// [`CatalogueError`] when the embedded data is broken.
pub fn sizes() -> Result<&'static Catalogue, CatalogueError> {
    static LOADED: OnceLock<Catalogue> = OnceLock::new();
    if let Some(loaded) = LOADED.get() {
        return Ok(loaded);
    }
    let skus = parse(DATA)?;
    let read = collect(skus, None)?;
    Ok(LOADED.get_or_init(|| read))
}

/// The sizes that a region sells, with its prices. Read once for each region that is asked for.
///
/// # Errors
/// [`CatalogueError::Region`] for a region that is not known, the others when the embedded data is broken.
pub fn catalogue(location: &str) -> Result<&'static Catalogue, CatalogueError> {
    static LOADED: Mutex<Vec<(&'static str, &'static Catalogue)>> = Mutex::new(Vec::new());
    let found = region::region(location)?.ok_or_else(|| CatalogueError::unknown_region(location))?;
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, known)) = loaded.iter().find(|(name, _)| *name == found.name) {
        return Ok(known);
    }
    // There are as many regions as Azure has, so that what is leaked is bounded.
    let read: &'static Catalogue = Box::leak(Box::new(sold(found)?));
    loaded.push((found.name, read));
    Ok(read)
}

fn sold(region: &'static Region) -> Result<Catalogue, CatalogueError> {
    let mut sold = Vec::new();
    for series in sizes()?.skus.chunk_by(|a, b| Arc::ptr_eq(&a.series, &b.series)) {
        let vcpus: Vec<u32> = series.iter().map(|sku| sku.vcpus).collect();
        let Some(name) = series.first().map(|sku| &sku.series.name) else { continue };
        for (sku, price) in series.iter().zip(region::prices(region, name, &vcpus)?) {
            let Some(price_per_hour) = price else { continue };
            sold.push(Arc::new(Sku { price_per_hour, ..Sku::clone(sku) }));
        }
    }
    collect(sold, Some(region))
}

fn collect(skus: Vec<Arc<Sku>>, region: Option<&'static Region>) -> Result<Catalogue, CatalogueError> {
    let mut by_name = HashMap::with_capacity(skus.len());
    for (index, sku) in skus.iter().enumerate() {
        if by_name.insert(sku.name.to_ascii_lowercase(), index).is_some() {
            return Err(CatalogueError::Twice(sku.name.clone()));
        }
    }
    Ok(Catalogue { skus, by_name, region })
}

fn parse(data: &str) -> Result<Vec<Arc<Sku>>, CatalogueError> {
    let mut skus = Vec::new();
    let mut series: Option<Arc<Series>> = None;
    for line in data.lines().filter(|line| !line.starts_with('#')) {
        let broken = || CatalogueError::Line(line.to_owned());
        if let Some(rest) = line.strip_prefix("= ") {
            series = Some(Arc::new(parse_series(rest).ok_or_else(broken)?));
        } else {
            let series = series.as_ref().ok_or_else(broken)?;
            skus.push(Arc::new(parse_size(line, series).ok_or_else(broken)?));
        }
    }
    Ok(skus)
}

fn parse_series(text: &str) -> Option<Series> {
    let mut words = text.split(' ');
    let mut series = Series {
        name: words.next()?.to_owned(),
        quota_family: words.next()?.replace("%20", " "),
        architecture: Architecture::X64,
        hyper_v_generations: "V1,V2",
        premium_io: true,
        encryption_at_host: true,
        low_priority: true,
        disk_controller_types: None,
    };
    for word in words {
        match word {
            "arm64" => series.architecture = Architecture::Arm64,
            "gen1" => series.hyper_v_generations = "V1",
            "gen2" => series.hyper_v_generations = "V2",
            "no-premium" => series.premium_io = false,
            "no-encryption" => series.encryption_at_host = false,
            "no-spot" => series.low_priority = false,
            "nvme-only" => series.disk_controller_types = Some("NVMe"),
            _ => return None,
        }
    }
    Some(series)
}

fn parse_size(text: &str, series: &Arc<Series>) -> Option<Sku> {
    let mut words = text.split(' ');
    let size = words.next()?;
    let family = size.get(..1).filter(|letter| letter.chars().all(|c| c.is_ascii_uppercase()))?;
    let mut sku = Sku {
        name: format!("Standard_{size}"),
        family: family.to_owned(),
        vcpus: words.next()?.parse().ok()?,
        memory_gib: words.next()?.parse().ok()?,
        cache_gib: 0,
        temp_gib: 0,
        nvme_gib: 0,
        gpus: 0,
        supported_gpu: None,
        accelerated_networking: true,
        price_per_hour: 0.0,
        series: Arc::clone(series),
    };
    for word in words {
        match word.split_once('=') {
            Some(("temp", gib)) => sku.temp_gib = gib.parse().ok()?,
            Some(("cache", gib)) => sku.cache_gib = gib.parse().ok()?,
            Some(("nvme", gib)) => sku.nvme_gib = gib.parse().ok()?,
            Some(("gpus", number)) => sku.gpus = number.parse().ok()?,
            None if word == "nvidia" => sku.supported_gpu = Some(GpuVendor::Nvidia),
            None if word == "amd" => sku.supported_gpu = Some(GpuVendor::Amd),
            None if word == "slow-network" => sku.accelerated_networking = false,
            _ => return None,
        }
    }
    Some(sku)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::SizeName;
    use rstest::rstest;

    #[rstest]
    #[case("Standard_DS2_v2", 2, 7.0, 0.146)]
    #[case("Standard_DS3_v2", 4, 14.0, 0.293)]
    #[case("Standard_E2s_v3", 2, 16.0, 0.126)]
    #[case("Standard_E4s_v3", 4, 32.0, 0.252)]
    #[case("Standard_F2s_v2", 2, 4.0, 0.0846)]
    #[case("Standard_F4s_v2", 4, 8.0, 0.169)]
    #[case("Standard_B2s", 2, 4.0, 0.0416)]
    #[case("Standard_F72s_v2", 72, 144.0, 3.045)]
    #[case("standard_d2s_V5", 2, 8.0, 0.096)]
    // Before, these were not known, and a pool that asks for them was said to fit no size.
    #[case("Standard_D2pls_v5", 2, 4.0, 0.068)]
    #[case("Standard_D4ads_v5", 4, 16.0, 0.206)]
    #[case("Standard_DC8as_v6", 8, 32.0, 0.363)]
    fn the_sizes_that_people_name_are_there(
        #[case] name: &str,
        #[case] vcpus: u32,
        #[case] memory_gib: f64,
        #[case] price: f64,
    ) {
        let sku = catalogue("eastus").unwrap().get(name).unwrap();
        assert_eq!((sku.vcpus, sku.memory_gib, sku.price_per_hour), (vcpus, memory_gib, price));
    }

    #[test]
    fn the_facts_of_every_size_agree_with_its_name() {
        let all = sizes().unwrap();
        assert!(all.iter().count() > 1_500);
        for sku in all.iter() {
            let size = sku.size();
            assert!(sku.vcpus > 0 && sku.memory_gib > 0.0, "{size}");
            assert!(!sku.series.quota_family.is_empty(), "{size}");
            assert!(size.starts_with(&sku.family), "{size}");
            assert!(sku.supported_gpu.is_none() || sku.gpus > 0 || size.contains("V710"), "{size}");
            let Some(name) = SizeName::parse(size) else { continue };
            assert_eq!(name.family, sku.family);
            let arm = name.features.contains('p') || name.accelerator.is_some_and(|a| a.starts_with("GB"));
            assert_eq!(sku.series.architecture == Architecture::Arm64, arm, "{size}");
            // The oldest names count sizes, and those of one series count what a processor is made of.
            let counts = ["D", "DS", "G", "GS"]
                .iter()
                .any(|series| sku.series.name.trim_end_matches("_Promo").trim_end_matches("_v2") == *series);
            if !counts && size != "F64-16ams_v7" {
                assert_eq!(name.cpus, sku.vcpus.to_string(), "{size}");
            }
            let gpu_family =
                ["NC", "ND", "NV", "NG", "NCC"].contains(&format!("{}{}", name.family, name.subfamily).as_str());
            assert!(sku.gpus == 0 || gpu_family || name.subfamily == "P", "{size}");
        }
    }

    #[test]
    fn every_region_sells_sizes_at_a_price() {
        let mut regions = 0;
        for region in region::regions().unwrap() {
            let sold = catalogue(region.name).unwrap();
            assert!(sold.iter().count() > 500, "{}", region.name);
            // The provider's table has the price 0 for one series of one region, and goes by it.
            let free = |sku: &Sku| region.name == "spaincentral" && sku.series.name == "Las_v3";
            assert!(sold.iter().all(|sku| sku.price_per_hour > 0.0 || free(sku)), "{}", region.name);
            assert!([0, 3].contains(&sold.zones().len()), "{}", region.name);
            regions += 1;
        }
        assert_eq!(regions, 57);
    }

    // Before, every size was in zones 1, 2 and 3 wherever the simulated Azure stood.
    #[rstest]
    #[case("westeurope", 3)]
    #[case("northeurope", 3)]
    #[case("northcentralus", 0)]
    #[case("westus", 0)]
    #[case("southcentralus", 3)]
    fn zones_are_those_of_the_region(#[case] region: &str, #[case] zones: usize) {
        assert_eq!(catalogue(region).unwrap().zones().len(), zones);
    }

    #[test]
    fn prices_and_sizes_are_those_of_the_region() {
        let price = |region: &str, size: &str| catalogue(region).unwrap().get(size).map(|sku| sku.price_per_hour);
        assert_eq!(price("eastus", "Standard_D4s_v5"), Some(0.192));
        assert_eq!(price("westeurope", "Standard_D4s_v5"), Some(0.23));
        assert_eq!(price("westeurope", "Standard_D1"), Some(0.084));
        assert!(price("chilecentral", "Standard_NC6s_v3").is_none());
    }

    #[rstest]
    #[case("westeurop", Some("westeurope"))]
    #[case("West Europe", Some("westeurope"))]
    #[case("eu-west-1", None)]
    #[case("eastus5", Some("eastus"))]
    fn an_unknown_region_is_refused_with_the_one_that_may_be_meant(#[case] name: &str, #[case] near: Option<&str>) {
        let error = catalogue(name).unwrap_err();
        assert!(matches!(&error, CatalogueError::Region { near: found, .. } if *found == near), "{error}");
    }

    #[rstest]
    #[case("= A f\nD2s_v5 2 8\nD2s_v5 2 8", "twice")]
    #[case("= A f\nD2s_v5 2", "cannot be read")]
    #[case("= A f odd\nD2s_v5 2 8", "cannot be read")]
    #[case("= A f\nD2s_v5 2 8 gpus=many", "cannot be read")]
    #[case("D2s_v5 2 8", "cannot be read")]
    fn broken_data_is_an_error(#[case] data: &str, #[case] message: &str) {
        let error = parse(data).and_then(|skus| collect(skus, None)).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
}
