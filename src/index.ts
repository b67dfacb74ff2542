/**
 * dockertools: nixpkgs' dockerTools as a library. Everything public is named here.
 */
export { DockerToolsError, type ErrorCode, IntegrityError, ScriptError, TransferError } from '#errors'
export type { BuildEvent, Reporter } from '#events'
export {
  type ArchiveRecipe,
  buildImage,
  type BuildImageArgs,
  buildImageWithNixDb,
  buildLayeredImage,
  type BuildLayeredImageArgs,
  buildLayeredImageWithNixDb,
  type BuildOptions,
  type Conf,
  type ConfigArgument,
  type ContentsArgument,
  exportImage,
  type ExportImageArgs,
  type ExportOptions,
  type ExportRecipe,
  type ImageReport,
  inspectImages,
  type InspectOptions,
  type LayerReport,
  multiPlatformImage,
  type MultiPlatformImage,
  type MultiPlatformImageArgs,
  type OciSummary,
  type PlatformRecipe,
  type ImageFileRecipe,
  type ImageLayerOutput,
  type ImageRecipe,
  type ImageSummary,
  type MergedRecipe,
  mergeImages,
  type MergeImagesArgs,
  type NestedDefinition,
  type PathArgument,
  type Recipe,
  streamConf,
  streamLayeredImage,
  type StreamLayeredImageArgs,
  type StreamRecipe,
  type WriteOptions,
  writeOciArchive,
  writeOciLayout,
} from '#docker-tools'
export type { LayeringPipeline, LayeringStage, SplitPathSpec } from '#layering'
export type { RunnerName } from '#runner'
export type { ByteSink } from '#util'
