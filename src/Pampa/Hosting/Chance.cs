namespace Pampa.Hosting;

/// <summary>The one place where chance comes from: everything else takes it from its constructor.</summary>
internal static class Chance
{
#pragma warning disable RS0030
    public static Random Shared => Random.Shared;
#pragma warning restore RS0030
}
