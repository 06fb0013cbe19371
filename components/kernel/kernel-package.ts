import { asDeveloper } from "../host/developer.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";
import { type BuildScriptArgs, makeKernel } from "./make.ts";

/** What each maintainer script does before the hooks of the distribution do the rest, as for its own kernels. */
const ownWork = {
  postinst: "depmod @release@",
  postrm: 'case "$1" in remove | purge) rm -f /lib/modules/@release@/modules.* ;; esac',
};

function maintainerScript(stage: "postinst" | "postrm"): string {
  return `#!/bin/sh
set -e
${ownWork[stage]}
export DEB_MAINT_PARAMS="$*" INITRD=@initrd@
if [ -d /etc/kernel/${stage}.d ]; then
  run-parts --arg=@release@ --arg=/boot/vmlinuz-@release@ /etc/kernel/${stage}.d
fi
`;
}

/**
 * Bash that packs a built kernel as linux-image-<release>, and sets `$package` to its path. Expects `$release` and
 * `$build_id`.
 *
 * Not make's own bindeb-pkg: that also packs headers, libc's headers and the debug information, which takes longer than
 * the build of one changed file. The guest reads the build directory itself, over NFS, so the link `build` leads there.
 */
export function packageScript(args: BuildScriptArgs): Shell {
  const { developer, build } = args;
  const tree = `${build}/.package`;
  const pack = lines(
    sh`set -euo pipefail; cd ${tree}`,
    sh`rm -f -- "lib/modules/$release/build" "lib/modules/$release/source"`,
    sh`ln -s -- ${build} "lib/modules/$release/build"`,
    sh`mkdir boot DEBIAN`,
    sh`cp -- ${`${build}/arch/x86/boot/bzImage`} "boot/vmlinuz-$release"`,
    sh`cp -- ${`${build}/System.map`} "boot/System.map-$release"`,
    sh`cp -- ${`${build}/.config`} "boot/config-$release"`,
    sh`printf '%s' ${maintainerScript("postinst")} >DEBIAN/postinst`,
    sh`printf '%s' ${maintainerScript("postrm")} >DEBIAN/postrm`,
    sh`sed -i -e "s|@release@|$release|g" -e "s|@initrd@|$initrd|g" DEBIAN/postinst DEBIAN/postrm`,
    sh`chmod 755 DEBIAN/postinst DEBIAN/postrm`,
    sh`cat >DEBIAN/control <<END
Package: linux-image-$release
Version: $version
Architecture: $architecture
Section: kernel
Priority: optional
Maintainer: Duet <root@localhost>
Description: Linux kernel $release, built by Duet
END`,
    // Read by the guest over NFS right after: not packing costs nothing and installs sooner.
    sh`dpkg-deb --root-owner-group -Znone -b . "$package.new" >&2`,
    // A guest of another stack may be about to read it: there is one at any moment.
    sh`mv -- "$package.new" "$package"`,
    sh`find ${build} -maxdepth 1 -name 'linux-image-*.deb' ! -path "$package" -delete`,
  );
  return lines(
    sh`architecture=$(dpkg --print-architecture)`,
    sh`version=$(cut -d+ -f1 <<<"$release")-1+$(cut -c1-12 <<<"$build_id")`,
    sh`package=${build}/linux-image-"$release"_"$version"_"$architecture".deb`,
    sh`initrd=No; if grep -q '^CONFIG_BLK_DEV_INITRD=y' ${`${build}/.config`}; then initrd=Yes; fi`,
    sh`rm -rf -- ${tree}; ${asDeveloper(developer, "mkdir", tree)}`,
    // The guest's own depmod lists modules: a list from here would not have those that were installed there since.
    sh`${makeKernel(args, `INSTALL_MOD_PATH=${tree}`, "INSTALL_MOD_STRIP=1", "DEPMOD=true", "modules_install")} </dev/null >&2`,
    sh`export release version architecture initrd package`,
    asDeveloper(developer, "bash", "-c", pack.shell),
    sh`rm -rf -- ${tree}`,
  );
}
