# A small closure with a shared library, a reference to itself, programs, links and odd names, and derivations that
# take its graph. Built with the machine's bash, whose scripts end with a built-in command: bash becomes the last
# program otherwise, and Nix kills a builder that has closed its output but not ended yet, as coreutils do.
let
  system = builtins.currentSystem;
  make =
    name: script:
    derivation {
      inherit name system;
      builder = "/bin/bash";
      args = [ "-euc" "${script}\n:" ];
      PATH = "/usr/bin:/bin";
    };
  # A build that sees the reference graph of `app` in its structured attributes. They are taken from the working
  # directory, because in a sandbox Nix 2.8 names files of the machine in NIX_ATTRS_SH_FILE and NIX_ATTRS_JSON_FILE.
  withGraph =
    name: script:
    derivation {
      inherit name system;
      builder = "/bin/bash";
      args = [ "-euc" "source ./.attrs.sh; out=\${outputs[out]}; export PATH=/usr/bin:/bin; ${script}\n:" ];
      __structuredAttrs = true;
      exportReferencesGraph.closure = [ app ];
    };
  library = make "library" ''
    mkdir -p $out/lib
    seq 400000 > $out/lib/data
    ln -s data $out/lib/alias
  '';
  tool = make "tool" ''
    mkdir -p $out/bin $out/share/empty
    echo "${library} $out" > $out/share/self
    printf '#!/bin/sh\n' > $out/bin/tool
    chmod +x $out/bin/tool
  '';
  other = make "other" ''
    ln -s ${library}/lib $out
  '';
  app = make "app-1.0" ''
    mkdir -p "$out/with space" $out/bin
    ln -s ${tool}/bin/tool $out/bin/app
    echo ${other} > "$out/with space/ünïcödé"
    touch $out/$(printf 'n%.0s' $(seq 200))
  '';
in
{
  inherit app;
  graph = withGraph "graph.json" "cp .attrs.json $out";
  # The program under test at work inside a Nix build.
  image = withGraph "image.tar" ''
    export HOME=$PWD
    echo '{"function": "streamLayeredImage", "args": {"name": "app", "tag": "v1", "contents": ["${app}"]}}' > image.json
    /node/bin/node /project/bin/dockertools.js stream image.json --store graph:.attrs.json > $out
  '';
}
