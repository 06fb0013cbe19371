import { readFileSync } from "node:fs";
import { join } from "node:path";
import language from "@pulumi/pulumi/proto/language_pb.js";
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import { project } from "../project.ts";

function manifest(file: string) {
  return JSON.parse(readFileSync(file, "utf8"));
}

/**
 * The providers of the npm packages that the program names, as their package.json says. Without them the engine takes the
 * versions of its own state, and a second `up` would change the provider.
 *
 * Source: Pulumi's language runtime protocol, GetRequiredPackages.
 */
export function requiredPackages(): language.GetRequiredPackagesResponse {
  const names = Object.keys(manifest(join(project, "package.json")).dependencies);
  const packages = names.flatMap((name) => {
    const { pulumi } = manifest(join(project, "node_modules", name, "package.json"));
    return pulumi?.resource ? [dependency(pulumi)] : [];
  });
  const response = new language.GetRequiredPackagesResponse();
  response.setPackagesList(packages);
  return response;
}

interface PulumiPackage {
  readonly name: string;
  readonly version: string;
  /** What makes the dynamic bridge this provider; its value is in base64. */
  readonly parameterization?: { readonly name: string; readonly version: string; readonly value: string };
}

function dependency({ name, version, parameterization }: PulumiPackage): plugin.PackageDependency {
  const result = new plugin.PackageDependency();
  result.setKind("resource");
  result.setName(name);
  result.setVersion(`v${version}`);
  if (parameterization !== undefined) {
    const parameters = new plugin.PackageParameterization();
    parameters.setName(parameterization.name);
    parameters.setVersion(parameterization.version);
    parameters.setValue(parameterization.value);
    result.setParameterization(parameters);
  }
  return result;
}
