/** Steps that turn a graph into layers, each working on what the one before it gives. */
export type LayeringPipeline = readonly LayeringStage[]

/**
 * One step: its name, then its arguments. What flows through is a graph, a list,
 * or named parts; each stage takes one of these.
 */
export type LayeringStage =
  /** Graph to list: one graph a path, most popular first. */
  | readonly ['popularity_contest']
  /** Graph to list: graphs of so many paths each, in the graph's order. */
  | readonly ['split_every', number]
  /** List to list: all but the first n - 1 become one graph. */
  | readonly ['limit_layers', number]
  /** Graph to graph, without these paths. Paths that are not there are ignored. */
  | readonly ['remove_paths', string | readonly string[]]
  /** List to list, last first. */
  | readonly ['reverse']
  /** List or parts to list: no list or parts within it any more. */
  | readonly ['flatten']
  /** Parts to parts: the stage is applied to the part of that name. */
  | readonly ['over', string, LayeringStage]
  /** Runs stages one after the other; makes several stages one. */
  | readonly ['pipe', readonly LayeringStage[]]
  /** List to list: the stage is applied to each. */
  | readonly ['map', LayeringStage]
  /** Graph to parts: `main` has these paths and all they reach, `rest` the others. */
  | readonly ['subcomponent_out', readonly string[]]
  /** Graph to parts: `main` has these paths and all that reach them, `rest` the others. */
  | readonly ['subcomponent_in', readonly string[]]
  /** Graph to parts: `main` is only reached through these paths, `common` otherwise too, `rest` not at all. */
  | readonly ['split_paths', readonly SplitPathSpec[]]

/** A path to split off, or paths whose direct references are split off. Paths that are not there are ignored. */
export type SplitPathSpec = string | { readonly children_of: string | readonly string[] }
