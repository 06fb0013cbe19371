import { lines, type Shell, sh } from "../machine/shell.ts";

export interface DefinitionArgs {
  /** URI of libvirt. */
  readonly uri: string;
  /** Name of the domain. */
  readonly domain: string;
}

function definition({ uri, domain }: DefinitionArgs): Shell {
  return sh`virsh -q -c ${uri} dumpxml --inactive -- ${domain}`;
}

/**
 * Defines a domain again as it was made, where it was edited or undefined by hand; the provider reads back a few
 * attributes only, and never its stub. A domain that is defined again is off: what runs is not what is defined.
 *
 * @param id the domain's UUID: another one is a new domain, whose definition is the one to keep
 * @param file absolute path of the definition that is kept
 */
export function keepDefinition(args: DefinitionArgs, id: string, file: string): Shell {
  const { uri, domain } = args;
  const fresh = `${file}.new`;
  return lines(
    sh`if ! grep -qF -e ${`<uuid>${id}</uuid>`} -- ${file} 2>/dev/null; then`,
    sh`  ${definition(args)} >${fresh}; mv -- ${fresh} ${file}`,
    sh`elif ! ${definition(args)} 2>/dev/null | cmp -s - ${file}; then`,
    sh`  printf '%s\n' ${`domain ${domain} was edited or undefined by hand: it is defined as it was, and starts again`} >&2`,
    sh`  virsh -q -c ${uri} destroy -- ${domain} >/dev/null 2>&1 || true`,
    sh`  virsh -q -c ${uri} define -- ${file} >&2`,
    sh`fi`,
  );
}

/** A checksum of the definition. */
export function definitionFacts(args: DefinitionArgs): Shell {
  return sh`printf 'domain definition: %s\n' "$(${definition(args)} 2>/dev/null | sha256sum | cut -c1-16)"`;
}
