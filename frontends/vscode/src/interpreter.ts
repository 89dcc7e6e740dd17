/** The interpreter that the Python extension has selected, if that extension is there. */

import * as vscode from "vscode";

/** What is used of the interface of `ms-python.python`. */
interface PythonExtension {
  readonly environments?: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
    resolveEnvironment(
      environment: { readonly path: string },
    ): Promise<{ readonly executable: { readonly uri?: vscode.Uri } } | undefined>;
  };
}

/** Its path. None when there is no such extension, or nothing is selected. */
export async function interpreter(resource?: vscode.Uri): Promise<string | undefined> {
  const extension = vscode.extensions.getExtension<PythonExtension>("ms-python.python");
  if (extension === undefined) {
    return undefined;
  }
  try {
    const { environments } = await extension.activate();
    const selected = environments?.getActiveEnvironmentPath(resource);
    return selected && (await environments?.resolveEnvironment(selected))?.executable.uri?.fsPath;
  } catch {
    // Another extension's failure is as good as its absence.
    return undefined;
  }
}
