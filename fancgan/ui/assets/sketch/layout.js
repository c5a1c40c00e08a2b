// A layout by numbers: an empty field is left to the training masks. Each press draws another one.
const form = element.querySelector("form");

window.fancganLayout = {
  take() {
    const given = {};
    for (const field of form.querySelectorAll("[name]")) {
      if (field.value === "") continue;
      given[field.name] = field.type === "number" ? Number(field.value) : field.value;
    }
    return given;
  },
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  trigger("submit");
});
