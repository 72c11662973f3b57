// <theme-switch>: changes between light and dark and remembers the choice in this browser.

class ThemeSwitch extends HTMLElement {
  connectedCallback() {
    const button = this.querySelector("button");
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      const next = this.isDark() ? "light" : "dark";
      document.documentElement.dataset.theme = next;
      try {
        localStorage.setItem("theme", next);
      } catch {
        // Without storage the choice holds for this page.
      }
    });
  }

  /** @returns {boolean} whether the page is dark at this moment */
  isDark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }
}

customElements.define("theme-switch", ThemeSwitch);
