"""Files kept by their content: evidence, pictures, what a scanner says of them."""
