/**
 * Container engines that run on a machine: where they listen, and images given
 * to them as a stream. Knows what an engine answers, and nothing of what is in
 * the archives.
 *
 * Docker and podman by their HTTP API, containerd by its program `ctr`.
 *
 * @see https://docs.docker.com/reference/api/engine/version/v1.41/#operation/ImageLoad
 */
export { type EngineName, ENGINE_NAMES, parseEngineName } from './engine-name.ts'
export { type FoundEngine, findEngine } from './find-engine.ts'
export { type LoadedImages, loadIntoEngine } from './load-into-engine.ts'
