-- One row per order: its key and the exact text of its document, made by PostgreSQL alone from all
-- seven tables in one schema. Every level is one subquery, so this reads like the document: a missing
-- to-one is null, an empty to-many is [], and numeric(15,2) prints both its decimals.
select
  orders.o_orderkey::text as key,
  row_to_json(document)::text as document
from orders
cross join lateral (
  select
    o_orderkey, o_orderstatus, o_totalprice, o_orderdate, o_orderpriority, o_clerk, o_shippriority, o_comment,
    (select row_to_json(found) from (
      select c_custkey, c_name, c_phone, c_acctbal, c_mktsegment,
        (select row_to_json(found) from (
          select n_nationkey, n_name,
            (select row_to_json(found) from (
              select r_regionkey, r_name from region where r_regionkey = n_regionkey
            ) as found) as region
          from nation where n_nationkey = c_nationkey
        ) as found) as nation
      from customer where c_custkey = o_custkey
    ) as found) as customer,
    (select coalesce(json_agg(row_to_json(found) order by l_linenumber), '[]') from (
      select l_linenumber, l_quantity, l_extendedprice, l_discount, l_tax, l_returnflag, l_linestatus, l_shipdate, l_shipmode,
        (select row_to_json(found) from (
          select p_partkey, p_name, p_brand, p_type, p_retailprice from part where p_partkey = l_partkey
        ) as found) as part,
        (select row_to_json(found) from (
          select s_suppkey, s_name,
            (select row_to_json(found) from (
              select n_nationkey, n_name from nation where n_nationkey = s_nationkey
            ) as found) as nation
          from supplier where s_suppkey = l_suppkey
        ) as found) as supplier
      from lineitem where l_orderkey = o_orderkey
    ) as found) as lineitems
) as document
order by orders.o_orderkey
