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
  RealisedOutput,
  RealiseOutputOptions,
  Recipe,
  StreamRecipe,
  WriteOptions,
} from './recipe.ts'
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
export { type OciSummary, writeOciArchive, writeOciLayout } from './write-oci-image.ts'
export { isRecipe } from './path-argument.ts'
export { buildNixShellImage } from './build-nix-shell-image.ts'
export type {
  BuildNixShellImageArgs,
  DerivationAttributes,
  DrvArgument,
  StreamNixShellImageArgs,
} from './nix-shell-image-args.ts'
export { streamNixShellImage } from './stream-nix-shell-image.ts'
export { binSh, type BinShArgs } from './bin-sh.ts'
export { caCertificates, type CaCertificatesArgs } from './ca-certificates.ts'
export { fakeNss, type FakeNssArgs } from './fake-nss.ts'
export { makeShadowSetup, shadowSetup, type ShadowSetupArgs } from './shadow-setup.ts'
export { usrBinEnv, type UsrBinEnvArgs } from './usr-bin-env.ts'
