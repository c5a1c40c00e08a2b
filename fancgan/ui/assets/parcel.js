// A file from the server becomes a download; it is never stored anywhere.
let last = null;
watch("value", async () => {
  const parcel = props.value;
  if (!parcel || parcel.token === last) return;
  last = parcel.token;
  const blob = await (await fetch(parcel.url)).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = parcel.name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  document.dispatchEvent(new CustomEvent("fancgan:saved"));
});
