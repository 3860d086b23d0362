// Sends a form that needs nobody's help. Without scripts its button does the same.
document.querySelector("form[data-submit]")?.submit();
