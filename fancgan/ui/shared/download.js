// A file from the server becomes a download; it is never stored anywhere.
import { tell } from "./events.js";

const KEPT_MS = 60_000;

export function mount({ props, watch }) {
  let last = null;
  watch("value", async () => {
    const file = props.value;
    if (!file || file.token === last) return;
    last = file.token;
    const blob = await (await fetch(file.url)).blob();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = file.name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
    tell("saved", { name: file.name });
  });
}
