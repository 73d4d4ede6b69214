//! Where it runs: targets, components, certificates, processes, Git server, Flux.
