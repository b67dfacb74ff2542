/**
 * The functions of nixpkgs' dockerTools, with upstream's names and arguments.
 * Each returns a recipe; nothing happens before the recipe is used.
 *
 * @see https://nixos.org/manual/nixpkgs/stable/#sec-pkgs-dockerTools
 */
export { buildImage } from './build-image.ts'
export type { BuildImageArgs } from './build-image-args.ts'
export { buildImageWithNixDb } from './build-image-with-nix-db.ts'
export { buildLayeredImage } from './build-layered-image.ts'
export { buildLayeredImageWithNixDb } from './build-layered-image-with-nix-db.ts'
export type {
  BuildLayeredImageArgs,
  ConfigArgument,
  ContentsArgument,
  PathArgument,
  StreamLayeredImageArgs,
} from './layered-image-args.ts'
export { mergeImages, type MergeImagesArgs } from './merge-images.ts'
export type {
  ArchiveRecipe,
  BuildOptions,
  Conf,
  ImageFileRecipe,
  ImageLayerOutput,
  ImageRecipe,
  ImageSummary,
  MergedRecipe,
  PulledRecipe,
  RealisedOutput,
  RealiseOutputOptions,
  Recipe,
  StreamRecipe,
  WriteOptions,
} from './recipe.ts'
export { inspectRemoteImage, type RemoteImageReport, type RemoteLayerReport } from './inspect-remote-image.ts'
export { type PrefetchedImage, prefetchImage, type PrefetchRequest } from './prefetch-image.ts'
export { pullArchive, type PulledArchive, type PullRequest, type RegistryPullOptions } from './pull-archive.ts'
export { pullImage } from './pull-image.ts'
export type { PullImageArgs } from './pull-image-args.ts'
export { realise } from './realise.ts'
export { streamConf } from './stream-conf.ts'
export { streamLayeredImage } from './stream-layered-image.ts'
export { type Buildable, buildableFromDefinition, recipeFromDefinition } from './definition.ts'
export { FUNCTION_NAMES } from './definition-functions.ts'
export { exportImage, type ExportImageArgs } from './export-image.ts'
export { type ExportOptions, type ExportRecipe, isExportRecipe } from './export-recipe.ts'
export { type ImageReport, inspectImages, type InspectOptions, type LayerReport } from './inspect-images.ts'
export {
  isMultiPlatformImage,
  multiPlatformImage,
  type MultiPlatformImage,
  type MultiPlatformImageArgs,
  type PlatformRecipe,
} from './multi-platform-image.ts'
export { loadImage, type LoadOptions } from './load-image.ts'
export type { LoadedImages } from '#engine'
export { pushImage } from './push-image.ts'
export type { PushOptions, PushSummary } from './push-options.ts'
export { type OciSummary, writeOciArchive, writeOciLayout } from './write-oci-image.ts'
export { isRecipe } from './path-argument.ts'
export { binSh, type BinShArgs } from './bin-sh.ts'
export { caCertificates, type CaCertificatesArgs } from './ca-certificates.ts'
export { fakeNss, type FakeNssArgs } from './fake-nss.ts'
export { makeShadowSetup, shadowSetup, type ShadowSetupArgs } from './shadow-setup.ts'
export { usrBinEnv, type UsrBinEnvArgs } from './usr-bin-env.ts'
