# A derivation as nix-shell likes it: a standard environment with `runHook`, inputs, a hook, a variable passed in a file
# and two outputs. `/lab/tools` is a static bash and busybox, so that what is built here runs in a container too.
let
  system = builtins.currentSystem;
  tools = builtins.path {
    name = "tools";
    path = /lab/tools;
  };
  make =
    name: script:
    derivation {
      inherit name system;
      builder = "${tools}/bin/bash";
      args = [ "-euc" "PATH=${tools}/bin; ${script}\n:" ];
    };
  stdenv = make "stdenv" ''
    mkdir $out
    cat > $out/setup <<'EOF'
    PATH=${tools}/bin
    for input in $buildInputs; do PATH=$input/bin:$PATH; done
    runHook() { eval "''${!1:-}"; }
    EOF
  '';
  greet = make "greet-1.0" ''
    mkdir -p $out/bin
    printf '#!${tools}/bin/bash\necho greetings from %s\n' $out > $out/bin/greet
    chmod +x $out/bin/greet
  '';
  attributes = {
    inherit system stdenv;
    name = "greeting-1.0";
    builder = "${tools}/bin/bash";
    args = [ "-euc" "source $stdenv/setup; greet > $out; cat $textPath >> $out; mkdir $dev; echo \"$out $list $yes $PLACE\" > \"$dev/it's\"\n:" ];
    outputs = [ "out" "dev" ];
    buildInputs = [ greet ];
    passAsFile = [ "text" ];
    text = "one\n$two 'three'\n";
    list = [ "a" "b c" ];
    yes = true;
    PLACE = builtins.placeholder "dev";
    shellHook = "echo hooked by $name";
  };
in
{
  plain = derivation attributes;
  other = derivation (attributes // { name = "other-1.0"; system = "riscv64-linux"; });
  unbuilt = derivation (attributes // { name = "unbuilt-1.0"; buildInputs = [ (make "never-built" "exit 1") ]; });
  structured = derivation (attributes // { name = "structured-1.0"; __structuredAttrs = true; });
}
