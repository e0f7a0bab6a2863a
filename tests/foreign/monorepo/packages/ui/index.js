export const name = "ui";
