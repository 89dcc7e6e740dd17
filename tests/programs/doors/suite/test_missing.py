"""Cannot be imported."""
import shop

customer = "Grace"
shop.checkout(customer)
