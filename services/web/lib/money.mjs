/** Cents as a person reads them. @param {number} cents */
export const euros = (cents) => new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR" }).format(cents / 100);
