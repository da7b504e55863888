//! Files that are named and not there: manifests of policies, templates and manifests of sites.

use std::path::Path;

use rackhand_spec::located::Field;

use super::Rule;
use super::finding::Finding;
use super::policies::{Policies, beside};
use super::repository::{KUSTOMIZATIONS, Object, Repository};

/// The directory of manifests that the generators' image brings along.
const SOURCE_CRS: &str = "source-crs";

pub(crate) fn check(repository: &Repository, policies: &Policies<'_>, out: &mut Vec<Finding>) {
    // Texts without a directory have no neighbours to look for.
    if repository.source.root.is_none() {
        return;
    }
    policies.templates.iter().for_each(|template| source_files(template, out));
    policies.generators.iter().for_each(|generator| manifests(generator, out));
    for object in repository.objects().filter(|one| one.is("ran.openshift.io", "SiteConfig") && !one.unlisted)
    {
        site(&object, out);
    }
}

/// A PolicyGenTemplate's files come from the image, and from `source-crs` beside it where there is one.
fn source_files(template: &Object<'_>, out: &mut Vec<Finding>) {
    let file = template.root.file();
    if !beside(file, SOURCE_CRS).is_dir() {
        return;
    }
    let items = template.root.dig(&["spec", "sourceFiles"]).map(|at| at.items()).unwrap_or_default();
    for at in items.iter().filter_map(|item| item.get("fileName")) {
        let Some(name) = at.text() else { continue };
        if !beside(file, SOURCE_CRS).join(name).exists() && !beside(file, name).exists() {
            out.push(from_the_image(&at, name));
        }
    }
}

fn from_the_image(at: &Field<'_>, name: &str) -> Finding {
    let message = format!("`{name}` is not in {SOURCE_CRS} here, so it must be in the generator's image");
    Finding::note(at, Rule::MissingSourceFile, message)
}

/// A PolicyGenerator reads below the directory of the kustomization that lists it.
fn manifests(generator: &Object<'_>, out: &mut Vec<Finding>) {
    let policies = generator.root.get("policies").map(|at| at.items()).unwrap_or_default();
    let manifests = policies.iter().filter_map(|policy| policy.get("manifests")).flat_map(|at| at.items());
    let paths = manifests.filter_map(|manifest| manifest.get("path"));
    let mut placements = Vec::new();
    let holders = policies.iter().cloned().chain(generator.root.get("policyDefaults"));
    for placement in holders.filter_map(|holder| holder.get("placement")) {
        placements
            .extend(["placementPath", "placementRulePath"].iter().filter_map(|name| placement.get(name)));
    }
    for at in paths.chain(placements) {
        let Some(path) = at.text().filter(|path| !is_remote(path)) else { continue };
        let starts: Vec<&Path> = bases(generator.root.file()).collect();
        if starts.iter().any(|base| base.join(path).exists()) {
            continue;
        }
        let of_image = Path::new(path).starts_with(SOURCE_CRS);
        if !of_image {
            let message = format!("`{path}` is not there");
            out.push(Finding::error(&at, Rule::MissingSourceFile, message));
        } else if starts.iter().any(|base| base.join(SOURCE_CRS).is_dir()) {
            out.push(from_the_image(&at, path));
        }
    }
}

/// The file's own directory, and those above it that a kustomization is in.
fn bases(file: &Path) -> impl Iterator<Item = &Path> {
    let own = file.parent().into_iter();
    let above = file
        .ancestors()
        .skip(2)
        .filter(|directory| KUSTOMIZATIONS.iter().any(|name| directory.join(name).is_file()));
    own.chain(above)
}

fn is_remote(path: &str) -> bool {
    path.contains("://") || path.starts_with("git@") || path.contains("?ref=")
}

/// What a SiteConfig names at its site, clusters and nodes.
fn site(object: &Object<'_>, out: &mut Vec<Finding>) {
    let Some(spec) = object.root.get("spec") else { return };
    let clusters = spec.get("clusters").map(|at| at.items()).unwrap_or_default();
    let nodes: Vec<Field<'_>> =
        clusters.iter().filter_map(|cluster| cluster.get("nodes")).flat_map(|at| at.items()).collect();
    let mut named = Vec::new();
    for level in std::iter::once(&spec).chain(&clusters).chain(&nodes) {
        let templates = level.get("crTemplates").map(|at| at.entries()).unwrap_or_default();
        named.extend(templates.into_iter().map(|(_, at)| at));
        named.extend(level.get("extraManifestPath"));
        let search = level.dig(&["extraManifests", "searchPaths"]).map(|at| at.items());
        named.extend(search.unwrap_or_default());
    }
    for at in named {
        let Some(path) = at.text().filter(|path| !path.is_empty() && !Path::new(path).is_absolute()) else {
            continue;
        };
        if !beside(object.root.file(), path).exists() {
            out.push(Finding::warning(&at, Rule::MissingFile, format!("`{path}` is not there")));
        }
    }
}
