class Ads {}
